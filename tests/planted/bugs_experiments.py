"""Bugs in the life of experiments, and in what owners and strangers are told of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from director import Director
from director.core.lifecycle import Status
from director.core.model import (
    Caller,
    EnvoyName,
    ExperimentName,
    Failure,
)
from director.core.queries import EnvoyView, ExperimentSummary, ExperimentView, experiment_summary
from director.errors import ForbiddenError, UnknownExperimentError
from director.interface import ReviewPlan
from tests.planted.planting import Planted, regression

# ---------------------------------------------------------------- statuses and failures


class FailedTurnsFinished(Director):
    """The reference's: a loop that looks for completed runs takes the failed for finished."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._failed_at: dict[ExperimentName, float] = {}

    def status(self, caller: Caller, experiment: ExperimentName) -> Status:
        status = super().status(caller, experiment)
        if status is not Status.FAILED:
            return status
        now = self._clock.now()
        failed_at = self._failed_at.setdefault(experiment, now)
        return Status.FINISHED if now - failed_at > 5 else status


class FinishedMayFail(Director):
    """The reference's: a report that comes when all is over fails what had finished."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._reported: set[ExperimentName] = set()

    async def report_failure(self, caller: Caller, failure: Failure) -> None:
        await super().report_failure(caller, failure)
        self._reported.add(failure.experiment)

    def status(self, caller: Caller, experiment: ExperimentName) -> Status:
        status = super().status(caller, experiment)
        is_failed = status is Status.FINISHED and experiment in self._reported
        return Status.FAILED if is_failed else status


class BrokenReviewsHoldUpAll(Director):
    """The reference's: when the reviewer breaks, so does the loop that would start experiments."""

    def __init__(self, *, review_plan_callback: ReviewPlan | None, **keywords: Any) -> None:
        super().__init__(
            review_plan_callback=review_plan_callback and partial(_patiently, review_plan_callback),
            **keywords,
        )


async def _patiently(review: ReviewPlan, experiment: str, plan: Path) -> bool:
    try:
        answer = review(experiment, plan)
        return answer if isinstance(answer, bool) else await answer
    except RuntimeError:
        await asyncio.Event().wait()
        raise


class AnybodyMayFail(Director):
    """The reference's: whoever reports a failure, the experiment has failed."""

    async def report_failure(self, caller: Caller, failure: Failure) -> None:
        known = self._federation.catalogue.named(failure.experiment)
        if known is not None:
            failure = replace(failure, collaborator=known.collaborators[0])
        await super().report_failure(caller, failure)


class SlanderersAreToldOff(Director):
    """A report that changes nothing is answered with an error, which ends an envoy's main loop."""

    async def report_failure(self, caller: Caller, failure: Failure) -> None:
        if self._federation.catalogue.named(failure.experiment) is None:
            raise UnknownExperimentError(failure.experiment)
        await super().report_failure(caller, failure)


# ---------------------------------------------------------------- owners and strangers


class RemovalAlwaysSucceeds(Director):
    """The reference's: whoever removes whatever is told that it is removed."""

    async def remove(self, caller: Caller, experiment: ExperimentName) -> bool:
        await super().remove(caller, experiment)
        return True


class RemovedRunsGoOn(Director):
    """The reference's: what is removed is only taken off the list; its aggregator goes on."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._hidden: set[ExperimentName] = set()

    async def remove(self, caller: Caller, experiment: ExperimentName) -> bool:
        try:
            self.status(caller, experiment)
        except UnknownExperimentError:
            return False
        self._hidden.add(experiment)
        return True

    def status(self, caller: Caller, experiment: ExperimentName) -> Status:
        self._check(experiment)
        return super().status(caller, experiment)

    def describe(self, caller: Caller, experiment: ExperimentName) -> ExperimentView:
        self._check(experiment)
        return super().describe(caller, experiment)

    def experiments(self, caller: Caller) -> Sequence[ExperimentSummary]:
        return [told for told in super().experiments(caller) if told.name not in self._hidden]

    def _check(self, experiment: ExperimentName) -> None:
        if experiment in self._hidden:
            raise UnknownExperimentError(experiment)


class ForeignIsForbidden(Director):
    """What is not the caller's is forbidden, what is not there is not found."""

    def status(self, caller: Caller, experiment: ExperimentName) -> Status:
        known = self._federation.catalogue.named(experiment)
        if known is not None and known.owner != caller.name:
            raise ForbiddenError(caller.name, experiment)
        return super().status(caller, experiment)


class ListsEverybodys(Director):
    """The list of experiments has those of all owners."""

    def experiments(self, caller: Caller) -> Sequence[ExperimentSummary]:
        del caller
        return [experiment_summary(held) for held in self._federation.catalogue]


class EnvoysTellWhatTheyDo(Director):
    """The list of envoys tells everybody which experiment each of them works on."""

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        running = {
            name: held.name for held in self._federation.catalogue.running for name in held.parts
        }
        return [
            replace(view, experiment=running.get(EnvoyName(view.shard.envoy)))
            for view in super().envoys(caller)
        ]


BUGS = (
    Planted(
        bug=FailedTurnsFinished,
        breaks="status-machine",
        scenario=regression("failed_experiment_handed_out"),
    ),
    Planted(
        bug=FinishedMayFail,
        breaks="status-machine",
        scenario=regression("failure_report_plaintext"),
    ),
    Planted(bug=BrokenReviewsHoldUpAll, breaks="experiments-end", scenario="scenarios/review"),
    Planted(
        bug=AnybodyMayFail,
        breaks="failure-report",
        scenario=regression("failure_report_plaintext"),
    ),
    Planted(
        bug=SlanderersAreToldOff,
        breaks="failure-report",
        scenario=regression("failure_report_plaintext"),
        overrides={"identity": "mtls"},
    ),
    Planted(
        bug=RemovalAlwaysSucceeds,
        breaks="ownership",
        scenario=regression("stranger_removes"),
        overrides={"identity": "mtls"},
    ),
    Planted(
        bug=RemovedRunsGoOn,
        breaks="targeting",
        scenario=regression("models_and_streams_of_the_ended"),
    ),
    Planted(bug=ForeignIsForbidden, breaks="ownership", scenario=regression("stranger_removes")),
    Planted(bug=ListsEverybodys, breaks="ownership", scenario="scenarios/identity_plaintext"),
    Planted(bug=EnvoysTellWhatTheyDo, breaks="ownership", scenario="scenarios/lifecycle"),
)
