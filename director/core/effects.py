"""Orders that the core gives the shell, in the imperative.

The shell performs them in the order in which they were given.
"""

from dataclasses import dataclass

from director.core.model import BlobId, EnvoyName, ExperimentId, ExperimentName, Plan, WaitId


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Answer a parked long poll with an experiment's name."""

    wait: WaitId
    experiment: ExperimentName


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
    collaborators: tuple[EnvoyName, ...]
    plan: Plan
    archive: BlobId
    model: BlobId


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRun:
    """The experiment has ended: collaborators get quit, followers' streams end after the last."""

    experiment: ExperimentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Forget an experiment's archive, models and metrics."""

    experiment: ExperimentId
    archive: BlobId
    model: BlobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Disregard:
    """A failure report changed nothing; log and count it, tell its sender nothing."""

    experiment: ExperimentName
    collaborator: EnvoyName
    reason: str


Effect = Deliver | Review | StartRun | StopRun | Discard | Disregard
