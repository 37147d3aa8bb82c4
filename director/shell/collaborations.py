"""What collaborators ask of their aggregator, and what comes of what they send.

They are told to quit where their run is not (or no longer) there, and never given an error that
an OpenFL collaborator would answer by calling again at once.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from director.core.contributions import is_heavy, read_result
from director.core.effects import CloseRound
from director.core.events import CollaboratorCalled, CollaboratorDismissed, RunFailed
from director.core.model import (
    Assignment,
    Caller,
    EncodedTensor,
    Quit,
    TaskResult,
    TensorRequest,
    Work,
)
from director.core.run_effects import (
    MetricsMeasured,
    ResultDisregarded,
    RoundClosed,
    RunCompleted,
    RunEffect,
)
from director.errors import LimitExceededError, UnauthenticatedError, UnavailableError
from director.foreign import ForeignCodeError
from director.interface import RunAddress
from director.offload import Offload
from director.shell.closings import Closings
from director.shell.feeds import Feeds
from director.shell.logbook import log, mark, note
from director.shell.openings import OpenRun
from director.shell.roll_calls import RollCalls
from director.shell.run import Closing, Run, settle
from director.shell.runs import Runs
from director.shell.tasks import Tasks
from director.shell.writer import Writer
from director.workspace import aggregator_id

_NOT_COMPUTED = "the Director failed to close a round; its log says why"


class Collaborations:
    """Leads each collaborator to its run."""

    def __init__(
        self,
        *,
        runs: Runs,
        roll_calls: RollCalls,
        closings: Closings,
        feeds: Feeds,
        writer: Writer,
        offload: Offload,
        work: Tasks,
    ) -> None:
        self._offload = offload
        self._closings = closings
        self._runs = runs
        self._roll_calls = roll_calls
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
        if isinstance(assignment, Work):
            self._roll_calls.note_work(run, opened)
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

    def expects(self, caller: Caller, address: RunAddress) -> bool:
        """As `DirectorInterface.expects_results`."""
        try:
            return self._find(caller, address) is not None
        except UnavailableError:
            # Told at the end: an OpenFL collaborator that is told in the middle sends only the
            # rest again.
            return True

    async def take_result(self, caller: Caller, address: RunAddress, result: TaskResult) -> None:
        """As `DirectorInterface.report_results`."""
        found = self._find(caller, address)
        if found is None:
            return
        run, opened = found
        self._perform(run, await self._taken(opened, replace(result, collaborator=address.sender)))
        before = run.closing
        self._roll_calls.note_report(run, opened, address.sender)
        if run.closing is not None and run.closing is not before:
            # It goes on although the last to report may be gone.
            delay = await asyncio.shield(run.closing)
            if delay is not None:
                raise delay

    async def _taken(self, opened: OpenRun, result: TaskResult) -> Sequence[RunEffect]:
        aggregation = opened.aggregation
        if not is_heavy(result):
            return aggregation.take(result)
        # One at a time: few bytes may unfold to a whole model, and be sent over and over again.
        async with opened.reading:
            read = None
            if not aggregation.refusal(result):
                read = await self._offload(partial(read_result, result, aggregation.base))
            # In the meantime its round may have been closed, and then it is refused.
            return aggregation.take(result, read)

    def close_round(self, run: Run) -> None:
        """Begin to close the running round with what was reported; nothing more counts for it."""
        assert run.open is not None
        assert run.closing is None
        run.open.aggregation.seal()
        run.closing = asyncio.get_running_loop().create_future()
        self._work.spawn(
            self._close_round(run, run.open, run.closing),
            name=f"close round of {run.order.experiment}",
        )

    async def _close_round(self, run: Run, opened: OpenRun, closing: Closing) -> None:
        try:
            await self._closings.close(run, opened, closing)
        except asyncio.CancelledError:
            settle(closing, UnavailableError("this Director is stopping"))
            raise
        except (ForeignCodeError, LimitExceededError) as error:
            self.give_up(run, str(error))
        except Exception:  # noqa: BLE001 - one experiment must not wait for ever
            log.exception("a round of experiment %r could not be computed", run.order.name)
            self.give_up(run, _NOT_COMPUTED)
        settle(closing)

    def go_on(self, order: CloseRound) -> None:
        """Show what came of the round that is written down now, and begin the next one."""
        run = self._runs.of(order.experiment)
        assert run.outcome is not None
        assert run.outcome.round == order.round
        assert run.closing is not None
        settle(run.closing)
        outcome, run.outcome, run.closing = run.outcome, None, None
        if run.open is not None:
            self._perform(run, run.open.aggregation.close_round(outcome))
            self._roll_calls.begin(run)

    def give_up(self, run: Run, reason: str) -> None:
        """Let a run fail."""
        failure = RunFailed(experiment=run.order.experiment, reason=reason)
        self._work.spawn(
            self._writer.insist(failure), name=f"fail experiment {run.order.experiment}"
        )

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
        if address.receiver not in {"", aggregator_id(address.federation)}:
            raise UnauthenticatedError("your request is for another aggregator than this run's")
        self._writer.tell(
            CollaboratorCalled(experiment=run.order.experiment, collaborator=address.sender)
        )
        self._roll_calls.note_call(run.open, address.sender)
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
                    self._runs.finish(run)
                case _:
                    assert_never(effect)
