"""Facts that the core is told, in the past tense.

Those in `Durable` change what the federation must remember: they go through the journal.
The rest (heartbeats, waits, downloads) is forgotten by a restart, on purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from director.core.checkpoints import ClosedRound
from director.core.model import (
    BlobId,
    Device,
    EnvoyName,
    ExperimentId,
    ExperimentName,
    Plan,
    Shard,
    WaitId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReported:
    """An envoy registered, or registered again."""

    shard: Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatReceived:
    """An envoy said that it lives; devices are empty where it told none."""

    envoy: EnvoyName
    is_experiment_running: bool
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOpened:
    """An envoy asks for work and is parked until there is some."""

    wait: WaitId
    envoy: EnvoyName
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitClosed:
    """A parked long poll is gone: timed out, cancelled, or its answer could not be delivered."""

    wait: WaitId


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFetched:
    """A collaborator downloaded the whole archive over this connection."""

    experiment: ExperimentId
    collaborator: EnvoyName
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollaboratorCalled:
    """A collaborator spoke to its aggregator: it lives, and it has what was handed to it.

    The connection tells nothing, as OpenFL opens one for each such call; experiment is None
    where the run that it names is over.
    """

    experiment: ExperimentId | None
    collaborator: EnvoyName


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSubmitted:
    """An upload was whole, readable and runnable; needs_review where a person has to look first."""

    name: ExperimentName
    owner: str
    collaborators: tuple[EnvoyName, ...]
    plan: Plan
    archive: BlobId
    model: BlobId
    address: str | None = None
    """The host at which the plan tells collaborators to find their aggregator, if it does."""
    port: int | None = None
    """The port, likewise."""
    needs_review: bool = False
    is_shared: bool = True
    """Whether owners share the running limit from now on; older Directors did not let them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentReviewed:
    """A review ended; the reason is for the log and the description."""

    experiment: ExperimentId
    is_approved: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollaboratorDismissed:
    """A collaborator was told to quit: it needs no further delivery."""

    experiment: ExperimentId
    collaborator: EnvoyName


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundCompleted:
    """A round of an experiment closed; after a restart, its run goes on from here."""

    experiment: ExperimentId
    closed: ClosedRound


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The last round of an experiment closed."""

    experiment: ExperimentId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """An experiment cannot go on; the reason is told in its description."""

    experiment: ExperimentId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArchived:
    """What an ended run has left was put away: its metrics, and how its collaborators stood."""

    experiment: ExperimentId
    metrics: BlobId | None
    """Where they are; None where there are none."""
    statuses: Mapping[EnvoyName, str] = field(default_factory=dict)
    """Of those collaborators whose status does not follow from the rounds they completed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReported:
    """An envoy says that an experiment broke on it; who may say so is the core's to judge."""

    experiment: ExperimentName
    collaborator: EnvoyName
    code: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRemoved:
    """Its owner wants an experiment gone."""

    name: ExperimentName
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningLimitSet:
    """So many experiments may run at once from now on; those that run already go on."""

    limit: int


UNSAID_RUNNING_LIMIT = 32
"""What holds until there is such an event: a replay does not depend on today's settings."""


Durable = (
    ShardReported
    | ExperimentSubmitted
    | ExperimentReviewed
    | RoundCompleted
    | RunFinished
    | RunFailed
    | RunArchived
    | FailureReported
    | ExperimentRemoved
    | RunningLimitSet
)
Transient = (
    HeartbeatReceived
    | WaitOpened
    | WaitClosed
    | ArchiveFetched
    | CollaboratorCalled
    | CollaboratorDismissed
)
Event = Durable | Transient
