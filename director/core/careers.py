"""What happens to experiments, from submission to removal, and what follows from it."""

from collections import Counter
from collections.abc import Sequence

from director.core.checkpoints import Checkpoint
from director.core.deliveries import Deliveries
from director.core.effects import (
    CloseRound,
    Discard,
    Disregard,
    Effect,
    Release,
    StopRun,
)
from director.core.events import (
    ExperimentRemoved,
    ExperimentReviewed,
    ExperimentSubmitted,
    FailureReported,
    RoundCompleted,
    RunArchived,
    RunningLimitSet,
)
from director.core.experiments import Catalogue, Experiment, Part
from director.core.lifecycle import Status
from director.core.model import BlobId, ExperimentId


class Careers:
    """Leads every experiment from its submission to its removal."""

    def __init__(self, catalogue: Catalogue, deliveries: Deliveries) -> None:
        self._catalogue = catalogue
        self._deliveries = deliveries
        self.submissions = 0
        """How many experiments were ever accepted: their ids count them."""

    def submit(self, event: ExperimentSubmitted, now: float) -> Sequence[Effect]:
        """Take an experiment in; it starts when it is reviewed, if need be, and has its turn."""
        self._catalogue.check_free(event.name)
        self.submissions += 1
        experiment = Experiment(
            # The time keeps it unique where a Director without a journal begins to count anew.
            id=ExperimentId(f"{self.submissions}@{now:.6f}"),
            name=event.name,
            owner=event.owner,
            plan=event.plan,
            parts={collaborator: Part() for collaborator in event.collaborators},
            archive=event.archive,
            checkpoint=Checkpoint(models={0: event.model}),
            address=event.address,
            port=event.port,
            is_reviewed=not event.needs_review,
        )
        self._catalogue.is_shared = event.is_shared
        self._catalogue.add(experiment)
        if event.needs_review:
            return (experiment.to_review(),)
        return self._start_ready(now)

    def review(self, event: ExperimentReviewed, now: float) -> Sequence[Effect]:
        """Let an experiment take its turn, or reject it."""
        experiment = self._catalogue.get(event.experiment)
        if experiment is None or experiment.is_reviewed or experiment.status.is_terminal:
            return ()
        if not event.is_approved:
            return self.end(event.experiment, Status.REJECTED, event.reason, now)
        self._catalogue.approve(experiment)
        return self._start_ready(now)

    def _start_ready(self, now: float) -> Sequence[Effect]:
        effects: list[Effect] = []
        while (experiment := self._catalogue.start_next()) is not None:
            effects.append(experiment.to_run())
            effects += self._deliveries.announce(experiment, now)
        return effects

    def end(
        self, experiment_id: ExperimentId, status: Status, reason: str, now: float
    ) -> Sequence[Effect]:
        """Move to a status in which nothing follows, where there is a way; others get a turn."""
        experiment = self._catalogue.get(experiment_id)
        if experiment is None:
            return ()
        before = experiment.blobs
        if not self._catalogue.end(experiment, status, reason, now):
            return ()
        stop = StopRun(experiment=experiment.id)
        return (stop, *_release(before, experiment.blobs), *self._start_ready(now))

    def close_round(self, event: RoundCompleted) -> Sequence[Effect]:
        """Let a run go on from the next round; what comes too late is let go of."""
        experiment = self._catalogue.get(event.experiment)
        before = () if experiment is None else experiment.blobs
        if experiment is None or not self._catalogue.close_round(experiment, event.closed):
            return (Release(blobs=event.closed.blobs),)
        close = CloseRound(experiment=experiment.id, round=event.closed.number)
        return (close, *_release((*before, *event.closed.blobs), experiment.blobs))

    def archive(self, event: RunArchived) -> Sequence[Effect]:
        """Remember where the metrics of an ended run are, in place of the metrics."""
        stored = () if event.metrics is None else (event.metrics,)
        experiment = self._catalogue.get(event.experiment)
        if experiment is None or not experiment.status.is_terminal:
            return _release(stored, ())
        before = experiment.blobs
        experiment.checkpoint = experiment.checkpoint.archived(event.metrics, event.statuses)
        return _release((*before, *stored), experiment.blobs)

    def fail(self, event: FailureReported, now: float) -> Sequence[Effect]:
        """End an experiment that broke on a collaborator."""
        moot = self.why_disregard(event)
        if moot is not None:
            return (
                Disregard(
                    experiment=event.experiment, collaborator=event.collaborator, reason=moot
                ),
            )
        experiment = self._catalogue.named(event.experiment)
        assert experiment is not None
        said = event.description or "no description"
        reason = f"{event.collaborator} reported a failure (code {event.code}): {said}"
        return self.end(experiment.id, Status.FAILED, reason, now)

    def remove(self, event: ExperimentRemoved, now: float) -> Sequence[Effect]:
        """Forget an experiment and all that came of it."""
        experiment = self._catalogue.owned(event.name, event.owner)
        self._catalogue.remove(experiment)
        return (
            StopRun(experiment=experiment.id),
            *_release(experiment.blobs, ()),
            Discard(experiment=experiment.id),
            *self._start_ready(now),
        )

    def limit(self, event: RunningLimitSet, now: float) -> Sequence[Effect]:
        """Let so many run at once."""
        self._catalogue.running_limit = event.limit
        return self._start_ready(now)

    def why_disregard(self, event: FailureReported) -> str | None:
        """Return why a failure report changes nothing; None where it fails the experiment."""
        experiment = self._catalogue.named(event.experiment)
        if experiment is None:
            return "there is no such experiment"
        if event.collaborator not in experiment.parts:
            return "its sender has no part in the experiment"
        if experiment.status is not Status.IN_PROGRESS:
            return f"the experiment is {experiment.status}"
        return None

    def is_about_another(self, event: FailureReported) -> bool:
        """Whether a failure report speaks of an experiment that was removed, not of its namesake.

        It depends on what a restart forgets: no question for an event that is written down.
        """
        experiment = self._catalogue.named(event.experiment)
        part = None if experiment is None else experiment.parts.get(event.collaborator)
        if part is None or part.is_told:
            return False
        return self._catalogue.was_removed_under(event.experiment, event.collaborator)

    def resume(self) -> Sequence[Effect]:
        """Return what has to be taken up again once all durable events were applied."""
        running = tuple(self._catalogue.running)
        for experiment in running:
            # Whom it was told is forgotten: better to believe a report than to lose it.
            for part in experiment.parts.values():
                part.is_told = True
        runs = [experiment.to_run() for experiment in running]
        pending = [held for held in self._catalogue if held.status is Status.PENDING]
        return (*runs, *(held.to_review() for held in pending if not held.is_reviewed))


def _release(before: tuple[BlobId, ...], after: tuple[BlobId, ...]) -> tuple[Release, ...]:
    """Return the order to let go of what is needed no more, if there is any."""
    gone = tuple((Counter(before) - Counter(after)).elements())
    return (Release(blobs=gone),) if gone else ()
