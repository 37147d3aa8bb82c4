"""Orders that the core gives the shell, in the imperative.

The shell performs them in the order in which they were given.
"""

from dataclasses import dataclass

from director.core.checkpoints import Checkpoint
from director.core.model import BlobId, EnvoyName, ExperimentId, ExperimentName, Plan, WaitId


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Answer a parked long poll with an experiment's name."""

    wait: WaitId
    experiment: ExperimentName


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWait:
    """Answer a parked long poll with nothing: a newer one of the same envoy takes its place."""

    wait: WaitId


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Ask the reviewer; tell the core with `ExperimentReviewed`."""

    experiment: ExperimentId
    name: ExperimentName
    archive: BlobId


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """Open the aggregation of an experiment; collaborators may ask for tasks from now on."""

    experiment: ExperimentId
    name: ExperimentName
    owner: str
    collaborators: tuple[EnvoyName, ...]
    plan: Plan
    archive: BlobId
    checkpoint: Checkpoint
    """Where the run stands: at its beginning, unless the Director was restarted."""
    address: str | None
    """The host that the plan asks for, if it does."""
    port: int | None = None
    """The port, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRound:
    """What came of a round would survive a crash now: show it, and begin the next."""

    experiment: ExperimentId
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRun:
    """The experiment has ended: collaborators get quit, followers' streams end after the last."""

    experiment: ExperimentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """No experiment needs these blobs any more; each is named as often as it was stored."""

    blobs: tuple[BlobId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Forget an experiment's trained models and metrics, and end its streams."""

    experiment: ExperimentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Disregard:
    """A failure report changed nothing; log and count it, tell its sender nothing."""

    experiment: ExperimentName
    collaborator: EnvoyName
    reason: str


Effect = (
    Deliver | EndWait | Review | StartRun | CloseRound | StopRun | Release | Discard | Disregard
)
