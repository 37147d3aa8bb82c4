"""What collaborators ask of their aggregator, and what comes of what they send.

They are told to quit where their run is not (or no longer) there, and never given an error that
an OpenFL collaborator would answer by calling again at once.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from director.core.events import CollaboratorCalled, CollaboratorDismissed, RunFinished
from director.core.model import (
    Assignment,
    Caller,
    EncodedTensor,
    Quit,
    TaskResult,
    TensorRequest,
)
from director.core.run_effects import (
    MetricsMeasured,
    ResultDisregarded,
    RoundClosed,
    RunCompleted,
    RunEffect,
)
from director.errors import UnauthenticatedError, UnavailableError
from director.interface import RunAddress
from director.offload import Offload
from director.shell.feeds import Feeds
from director.shell.logbook import mark, note
from director.shell.openings import OpenRun
from director.shell.runs import Run, Runs
from director.shell.tasks import Tasks
from director.shell.writer import Writer


class Collaborations:
    """Leads each collaborator to its run."""

    def __init__(
        self,
        *,
        runs: Runs,
        feeds: Feeds,
        writer: Writer,
        offload: Offload,
        work: Tasks,
        chores: Tasks,
    ) -> None:
        self._offload = offload
        self._chores = chores
        self._runs = runs
        self._feeds = feeds
        self._writer = writer
        self._work = work
        self.rounds_closed = 0

    def tasks(self, caller: Caller, address: RunAddress) -> Assignment:
        """As `DirectorInterface.tasks`."""
        found = self._find(caller, address)
        if found is None:
            return Quit()
        run, opened = found
        assignment = opened.aggregation.tasks_for(address.sender)
        if isinstance(assignment, Quit):
            self._writer.tell(
                CollaboratorDismissed(experiment=run.order.experiment, collaborator=address.sender)
            )
        return assignment

    def tensor(self, caller: Caller, address: RunAddress, request: TensorRequest) -> EncodedTensor:
        """As `DirectorInterface.aggregated_tensor`."""
        found = self._find(caller, address)
        if found is None:
            raise UnauthenticatedError("this run is over")
        _, opened = found
        return opened.aggregation.tensor(address.sender, request)

    async def take_result(self, caller: Caller, address: RunAddress, result: TaskResult) -> None:
        """As `DirectorInterface.report_results`."""
        found = self._find(caller, address)
        if found is None:
            return
        run, opened = found
        aggregation = opened.aggregation
        self._perform(run, aggregation.take(replace(result, collaborator=address.sender)))
        if aggregation.is_round_complete and not run.is_round_closing:
            run.is_round_closing = True
            aggregation.seal()
            # It goes on although the last to report may be gone.
            closing = self._chores.start(
                self._close_round(run, opened), name=f"close round of {run.order.experiment}"
            )
            await asyncio.shield(closing)

    async def _close_round(self, run: Run, opened: OpenRun) -> None:
        outcome = await self._offload(opened.aggregation.outcome)
        run.is_round_closing = False
        if run.open is not None:
            self._perform(run, opened.aggregation.close_round(outcome))

    def _find(self, caller: Caller, address: RunAddress) -> tuple[Run, OpenRun] | None:
        if caller.is_authenticated and caller.name != address.sender:
            raise UnauthenticatedError(f"your certificate does not name {address.sender!r}")
        run = self._runs.find(address.federation)
        if run is None or run.open is None:
            self._writer.tell(CollaboratorCalled(experiment=None, collaborator=address.sender))
            if self._runs.is_opening:
                # It may be one of those that were under way when the Director was restarted.
                raise UnavailableError("runs are being opened: ask again")
            return None
        mark(experiment=run.order.name)
        if address.sender not in run.participants:
            raise UnauthenticatedError("you have no part in this run")
        self._writer.tell(
            CollaboratorCalled(experiment=run.order.experiment, collaborator=address.sender)
        )
        return run, run.open

    def _perform(self, run: Run, effects: Iterable[RunEffect]) -> None:
        order = run.order
        for effect in effects:
            match effect:
                case MetricsMeasured():
                    self._feeds.of(order.experiment).append(effect.metrics)
                case RoundClosed():
                    self.rounds_closed += 1
                    number, rounds = effect.round + 1, order.plan.rounds
                    note("round %d of %d closed", number, rounds, experiment=order.name)
                case ResultDisregarded():
                    note(
                        "of what %s sent for %s in round %d something was left out: %s",
                        effect.collaborator,
                        effect.task,
                        effect.round,
                        effect.reason,
                        experiment=order.name,
                    )
                case RunCompleted():
                    self._work.spawn(
                        self._writer.insist(RunFinished(experiment=order.experiment)),
                        name=f"finish experiment {order.experiment}",
                    )
                case _:
                    assert_never(effect)
