"""The Director as a pure state machine: events in, effects out.

Nothing here reads a clock, opens a file, awaits, or knows what gRPC is.
"""

from collections.abc import Sequence
from typing import assert_never

from director.core.careers import Careers
from director.core.deliveries import Deliveries
from director.core.effects import Effect
from director.core.events import (
    ArchiveFetched,
    CollaboratorCalled,
    CollaboratorDismissed,
    Durable,
    Event,
    ExperimentRemoved,
    ExperimentReviewed,
    ExperimentSubmitted,
    FailureReported,
    HeartbeatReceived,
    RoundCompleted,
    RunArchived,
    RunFailed,
    RunFinished,
    RunningLimitSet,
    ShardReported,
    WaitClosed,
    WaitOpened,
)
from director.core.experiments import Catalogue
from director.core.lifecycle import Status
from director.core.model import BlobId, EnvoyName, ExperimentId, ExperimentName
from director.core.names import check_name
from director.core.registry import Registry
from director.core.rules import Rules
from director.errors import InvalidShardError, InvalidUploadError, UnknownExperimentError


class Federation:
    """All that a Director remembers; rebuilt by applying its durable events again, in order.

    Its parts are there to be read; only `apply` changes them.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.registry = Registry(rules)
        self.catalogue = Catalogue(rules, rules.max_running_experiments)
        self._deliveries = Deliveries(self.registry, self.catalogue)
        self.careers = Careers(self.catalogue, self._deliveries)

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
                | RoundCompleted()
                | RunFinished()
                | RunFailed()
                | RunArchived()
                | FailureReported()
                | RunningLimitSet()
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

    def apply(self, event: Event, now: float) -> Sequence[Effect]:
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
            case WaitOpened():
                return self._deliveries.answer(event, now)
            case WaitClosed():
                self.registry.unpark(event.wait)
            case CollaboratorCalled():
                self._deliveries.note_call(event, now)
            case ArchiveFetched():
                self._deliveries.note_fetched(event, now)
            case CollaboratorDismissed():
                self._deliveries.dismiss(event)
            case _:
                return self._apply_durable(event, now)
        return ()

    # One arm an event, each a call: nothing to lose one's way in.
    def _apply_durable(self, event: Durable, now: float) -> Sequence[Effect]:  # noqa: PLR0911
        match event:
            case ShardReported():
                self.registry.register(event.shard, now)
                return ()
            case ExperimentSubmitted():
                return self.careers.submit(event, now)
            case ExperimentReviewed():
                return self.careers.review(event, now)
            case RoundCompleted():
                return self.careers.close_round(event)
            case RunFinished():
                return self.careers.end(event.experiment, Status.FINISHED, "", now)
            case RunFailed():
                return self.careers.end(event.experiment, Status.FAILED, event.reason, now)
            case RunArchived():
                return self.careers.archive(event)
            case FailureReported():
                return self.careers.fail(event, now)
            case ExperimentRemoved():
                return self.careers.remove(event, now)
            case RunningLimitSet():
                return self.careers.limit(event, now)
            case _:
                assert_never(event)

    def resume(self, now: float) -> Sequence[Effect]:
        """Return what has to be taken up again once all durable events were applied.

        The clock may have been set since they happened.
        """
        self.registry.mistrust_future(now)
        return self.careers.resume()

    # ------------------------------------------------------------ questions

    def blobs(self) -> tuple[BlobId, ...]:
        """Every blob that is needed, as often as experiments need it."""
        return tuple(blob for experiment in self.catalogue for blob in experiment.blobs)

    def why_disregard(self, event: FailureReported) -> str | None:
        """Return why a failure report is to change nothing; None where it fails the experiment."""
        if self.careers.is_about_another(event):
            return "it is about a removed experiment of the same name"
        return self.careers.why_disregard(event)

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
