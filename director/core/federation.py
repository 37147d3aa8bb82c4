"""The Director as a pure state machine: events in, effects out.

Nothing here reads a clock, opens a file, awaits, or knows what gRPC is.
"""

from collections.abc import Sequence
from typing import assert_never

from director.core.deliveries import Deliveries
from director.core.effects import (
    Discard,
    Disregard,
    Effect,
    Release,
    StopRun,
)
from director.core.events import (
    ArchiveFetched,
    CollaboratorCalled,
    CollaboratorDismissed,
    Event,
    ExperimentRemoved,
    ExperimentReviewed,
    ExperimentSubmitted,
    FailureReported,
    HeartbeatReceived,
    RunFailed,
    RunFinished,
    ShardReported,
    WaitClosed,
    WaitOpened,
)
from director.core.experiments import Catalogue, Experiment, Part
from director.core.lifecycle import Status
from director.core.model import BlobId, EnvoyName, ExperimentId, ExperimentName
from director.core.names import check_name
from director.core.registry import Registry
from director.core.rules import Rules
from director.errors import InvalidShardError, InvalidUploadError, UnknownExperimentError


class Federation:
    """All that a Director remembers; rebuilt by applying its durable events again, in order.

    The registry and the catalogue are there to be read; only `apply` changes them.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.registry = Registry(rules)
        self.catalogue = Catalogue(rules)
        self._deliveries = Deliveries(self.registry, self.catalogue)
        self._submissions = 0

    def __repr__(self) -> str:
        return f"<Federation: {len(self.registry)} envoys, {len(self.catalogue)} experiments>"

    def handle(self, event: Event, now: float) -> Sequence[Effect]:
        """Take an event in, and return what has to be done about it.

        Raises:
            DirectorError: it is refused, and nothing has changed.
        """
        self.check(event)
        return self.apply(event, now)

    # ------------------------------------------------------------ refusals

    def check(self, event: Event) -> None:
        """Raises DirectorError for an event that must not happen as things stand."""
        match event:
            case HeartbeatReceived():
                self.registry.check_heartbeat(event.envoy, event.devices)
            case WaitOpened():
                self.registry.check_wait(event.envoy, event.connection)
            case ShardReported():
                self._check_shard(event)
            case ExperimentSubmitted():
                self.check_submission(event.name, event.owner, event.collaborators)
            case ExperimentRemoved():
                self.catalogue.owned(event.name, event.owner)
            case (
                WaitClosed()
                | ArchiveFetched()
                | CollaboratorCalled()
                | CollaboratorDismissed()
                | ExperimentReviewed()
                | RunFinished()
                | RunFailed()
                | FailureReported()
            ):
                pass  # come too late or from a stranger, they change nothing
            case _:
                assert_never(event)

    def check_submission(
        self, name: ExperimentName, owner: str, collaborators: tuple[EnvoyName, ...]
    ) -> None:
        """Raises DirectorError where an upload under this name would be for nothing."""
        self._check_name(name, "experiment")
        if not collaborators:
            raise InvalidUploadError(f"the experiment {name!r} names no collaborators")
        if len(collaborators) > self.rules.max_collaborators:
            limit = self.rules.max_collaborators
            raise InvalidUploadError(f"an experiment may have no more than {limit} collaborators")
        for collaborator in collaborators:
            self._check_name(collaborator, "collaborator")
        if len(set(collaborators)) < len(collaborators):
            raise InvalidUploadError(f"the experiment {name!r} names a collaborator twice")
        self.catalogue.check_free(name)
        self.catalogue.check_room(owner)

    def _check_name(self, name: str, what: str) -> None:
        check_name(name, what=what, max_length=self.rules.max_name_length)

    def check_envoy_name(self, name: EnvoyName) -> None:
        """Raises InvalidRequestError for a name that no envoy may have."""
        if not name:
            raise InvalidShardError("the shard does not tell the name of its node")
        self._check_name(name, "envoy")

    def _check_shard(self, event: ShardReported) -> None:
        self.check_envoy_name(event.shard.envoy)
        self.registry.check_shard(event.shard)

    # ------------------------------------------------------------ changes

    # One arm an event, each a call: longer than a screen, but nothing to lose one's way in.
    def apply(self, event: Event, now: float) -> Sequence[Effect]:  # noqa: C901, PLR0911
        """As `handle`, of an event that was checked before; limits do not count any more.

        Between the check and this, others may have come first.

        Raises:
            DuplicateExperimentError: somebody else has taken the name.
            UnknownExperimentError: somebody else has removed the experiment.
        """
        match event:
            case HeartbeatReceived():
                self.registry.heartbeat(
                    event.envoy,
                    is_running=event.is_experiment_running,
                    devices=event.devices,
                    now=now,
                )
                return ()
            case WaitOpened():
                return self._deliveries.answer(event, now)
            case WaitClosed():
                self.registry.unpark(event.wait)
                return ()
            case CollaboratorCalled():
                self._deliveries.note_call(event, now)
                return ()
            case ArchiveFetched():
                self._deliveries.note_fetched(event, now)
                return ()
            case CollaboratorDismissed():
                self._deliveries.dismiss(event)
                return ()
            case ShardReported():
                self.registry.register(event.shard, now)
                return ()
            case ExperimentSubmitted():
                return self._submit(event, now)
            case ExperimentReviewed():
                return self._review(event, now)
            case RunFinished():
                return self._end(event.experiment, Status.FINISHED, "", now)
            case RunFailed():
                return self._end(event.experiment, Status.FAILED, event.reason, now)
            case FailureReported():
                return self._fail(event, now)
            case ExperimentRemoved():
                return self._remove(event, now)
            case _:
                assert_never(event)

    def _submit(self, event: ExperimentSubmitted, now: float) -> Sequence[Effect]:
        self.catalogue.check_free(event.name)
        self._submissions += 1
        experiment = Experiment(
            # The time keeps it unique where a Director without a journal begins to count anew.
            id=ExperimentId(f"{self._submissions}@{now:.6f}"),
            name=event.name,
            owner=event.owner,
            plan=event.plan,
            parts={collaborator: Part() for collaborator in event.collaborators},
            archive=event.archive,
            model=event.model,
            address=event.address,
            port=event.port,
            is_reviewed=not event.needs_review,
        )
        self.catalogue.add(experiment)
        if event.needs_review:
            return (experiment.to_review(),)
        return self._start_ready(now)

    def _review(self, event: ExperimentReviewed, now: float) -> Sequence[Effect]:
        experiment = self.catalogue.get(event.experiment)
        if experiment is None or experiment.is_reviewed or experiment.status.is_terminal:
            return ()
        if not event.is_approved:
            return self._end(event.experiment, Status.REJECTED, event.reason, now)
        self.catalogue.approve(experiment)
        return self._start_ready(now)

    def _start_ready(self, now: float) -> Sequence[Effect]:
        effects: list[Effect] = []
        while (experiment := self.catalogue.start_next()) is not None:
            effects.append(experiment.to_run())
            effects += self._deliveries.announce(experiment, now)
        return effects

    def _end(
        self, experiment_id: ExperimentId, status: Status, reason: str, now: float
    ) -> Sequence[Effect]:
        experiment = self.catalogue.get(experiment_id)
        if experiment is None:
            return ()
        blobs = experiment.blobs
        if not self.catalogue.end(experiment, status, reason):
            return ()
        stop = StopRun(experiment=experiment.id)
        return (stop, Release(blobs=blobs), *self._start_ready(now))

    def _fail(self, event: FailureReported, now: float) -> Sequence[Effect]:
        moot = self.why_disregard(event)
        if moot is not None:
            return (
                Disregard(
                    experiment=event.experiment, collaborator=event.collaborator, reason=moot
                ),
            )
        experiment = self.catalogue.named(event.experiment)
        assert experiment is not None
        said = event.description[: self.rules.max_text_length] or "no description"
        reason = f"{event.collaborator} reported a failure (code {event.code}): {said}"
        return self._end(experiment.id, Status.FAILED, reason, now)

    def _remove(self, event: ExperimentRemoved, now: float) -> Sequence[Effect]:
        experiment = self.catalogue.owned(event.name, event.owner)
        self.catalogue.remove(experiment)
        effects: list[Effect] = [StopRun(experiment=experiment.id)]
        if experiment.blobs:
            effects.append(Release(blobs=experiment.blobs))
        return (*effects, Discard(experiment=experiment.id), *self._start_ready(now))

    def resume(self) -> Sequence[Effect]:
        """Return what has to be taken up again once all durable events were applied."""
        runs = [experiment.to_run() for experiment in self.catalogue.running]
        pending = [held for held in self.catalogue if held.status is Status.PENDING]
        return (*runs, *(held.to_review() for held in pending if not held.is_reviewed))

    # ------------------------------------------------------------ questions

    def blobs(self) -> tuple[BlobId, ...]:
        """Every blob that is needed, as often as experiments need it."""
        return tuple(blob for experiment in self.catalogue for blob in experiment.blobs)

    def why_disregard(self, event: FailureReported) -> str | None:
        """Return why a failure report changes nothing; None where it fails the experiment."""
        experiment = self.catalogue.named(event.experiment)
        if experiment is None:
            return "there is no such experiment"
        if event.collaborator not in experiment.parts:
            return "its sender has no part in the experiment"
        if experiment.status is not Status.IN_PROGRESS:
            return f"the experiment is {experiment.status}"
        return None

    def is_deliverable(self, name: ExperimentName, envoy: EnvoyName) -> bool:
        """Whether an answer that is under way may still be given."""
        experiment = self.catalogue.named(name)
        return (
            experiment is not None
            and experiment.status is Status.IN_PROGRESS
            and envoy in experiment.parts
        )

    def handed_out(self, name: ExperimentName, collaborator: EnvoyName) -> ExperimentId | None:
        """Return which experiment's archive the collaborator may have; None where it is over.

        Raises:
            UnknownExperimentError: never started, or the collaborator has no part in it.
        """
        experiment = self.catalogue.named(name)
        if experiment is not None and collaborator in experiment.parts:
            if experiment.status is Status.IN_PROGRESS:
                return experiment.id
            if experiment.status in {Status.FINISHED, Status.FAILED}:
                return None
        if self.catalogue.was_removed_under(name, collaborator):
            return None
        raise UnknownExperimentError(name)
