"""Everything that the federation has to remember, as one value: what many events came to.

What a restart may forget (long polls, deliveries, who works on what) is not in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from director.core.checkpoints import Checkpoint
from director.core.experiments import Catalogue, Experiment, Part
from director.core.federation import Federation
from director.core.lifecycle import Status
from director.core.model import BlobId, EnvoyName, ExperimentId, ExperimentName, Plan, Shard
from director.core.registry import Envoy


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyRecord:
    """One registered envoy, and when it was last heard of."""

    shard: Shard
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRecord:
    """One experiment that has not been removed."""

    id: ExperimentId
    name: ExperimentName
    owner: str
    collaborators: tuple[EnvoyName, ...]
    plan: Plan
    archive: BlobId
    checkpoint: Checkpoint
    address: str | None
    port: int | None
    is_reviewed: bool
    status: Status
    reason: str = ""
    ended_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A whole federation; everything is in the order in which it came."""

    submissions: int
    running_limit: int
    envoys: tuple[EnvoyRecord, ...] = ()
    experiments: tuple[ExperimentRecord, ...] = ()
    ready: tuple[ExperimentId, ...] = ()
    running: tuple[ExperimentId, ...] = ()
    removed: Mapping[ExperimentName, tuple[EnvoyName, ...]] = field(default_factory=dict)
    is_shared: bool = True
    """Whether owners share the running limit."""

    @property
    def weight(self) -> int:
        """How many things it speaks of: what it costs to write it down."""
        metrics = sum(len(record.checkpoint.metrics) for record in self.experiments)
        return len(self.envoys) + len(self.experiments) + metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A federation at one moment, held fast quickly; wherever there is time it becomes a snapshot.

    Envoys are many, and only what changes of them is copied.
    """

    shards: Sequence[Shard]
    seen_at: Sequence[float]
    """Of each envoy, in the order of the shards."""
    others: Snapshot
    """All but the envoys."""

    @property
    def weight(self) -> int:
        """As that of its snapshot."""
        return len(self.shards) + self.others.weight

    def snapshot(self) -> Snapshot:
        """Return what the federation would have to be restored from."""
        envoys = tuple(
            EnvoyRecord(shard=shard, seen_at=seen_at)
            for shard, seen_at in zip(self.shards, self.seen_at, strict=True)
        )
        return replace(self.others, envoys=envoys)


def moment_of(federation: Federation) -> Moment:
    """Hold fast what the federation is now."""
    catalogue = federation.catalogue
    return Moment(
        shards=[envoy.shard for envoy in federation.registry],
        seen_at=[envoy.seen_at for envoy in federation.registry],
        others=Snapshot(
            submissions=federation.careers.submissions,
            running_limit=catalogue.running_limit,
            experiments=tuple(_record(experiment) for experiment in catalogue),
            ready=catalogue.ready,
            running=tuple(experiment.id for experiment in catalogue.running),
            removed=dict(catalogue.removed),
            is_shared=catalogue.is_shared,
        ),
    )


def snapshot_of(federation: Federation) -> Snapshot:
    """Return what the federation would have to be restored from."""
    return moment_of(federation).snapshot()


def restore(federation: Federation, snapshot: Snapshot) -> None:
    """Make a federation, to which nothing has happened yet, what the other was."""
    federation.careers.submissions = snapshot.submissions
    federation.registry.restore(
        Envoy(shard=record.shard, seen_at=record.seen_at) for record in snapshot.envoys
    )
    _restore_catalogue(federation.catalogue, snapshot)


def _restore_catalogue(catalogue: Catalogue, snapshot: Snapshot) -> None:
    catalogue.running_limit = snapshot.running_limit
    catalogue.is_shared = snapshot.is_shared
    catalogue.restore(
        [_experiment(record) for record in snapshot.experiments],
        ready=snapshot.ready,
        running=snapshot.running,
        removed=snapshot.removed,
    )


def _record(experiment: Experiment) -> ExperimentRecord:
    return ExperimentRecord(
        id=experiment.id,
        name=experiment.name,
        owner=experiment.owner,
        collaborators=experiment.collaborators,
        plan=experiment.plan,
        archive=experiment.archive,
        checkpoint=experiment.checkpoint,
        address=experiment.address,
        port=experiment.port,
        is_reviewed=experiment.is_reviewed,
        status=experiment.status,
        reason=experiment.reason,
        ended_at=experiment.ended_at,
    )


def _experiment(record: ExperimentRecord) -> Experiment:
    return Experiment(
        id=record.id,
        name=record.name,
        owner=record.owner,
        plan=record.plan,
        parts={collaborator: Part() for collaborator in record.collaborators},
        archive=record.archive,
        checkpoint=record.checkpoint,
        address=record.address,
        port=record.port,
        is_reviewed=record.is_reviewed,
        status=record.status,
        reason=record.reason,
        ended_at=record.ended_at,
    )
