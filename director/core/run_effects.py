"""What comes of a task's result: what followers are to see, and what is to last."""

from dataclasses import dataclass

from director.core.model import EnvoyName, Metric, Model, TaskResult


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsMeasured:
    """These were appended to the metrics; followers are to see them."""

    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundClosed:
    """A round is over; what it came to is all that a run needs to go on from there.

    `model` is what the next round starts from.  `is_best` speaks of the model that *this* round
    started from: none had a higher score before.
    """

    round: int
    model: Model
    is_best: bool
    score: float | None
    metrics: tuple[Metric, ...]
    """Of the whole round, in the order in which followers saw them."""
    reporters: tuple[EnvoyName, ...]
    memory: Model
    """What server optimisers have to be given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCompleted:
    """The last round has closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDisregarded:
    """A result, or a part of it, changed nothing; log it, its sender is told nothing."""

    collaborator: EnvoyName
    task: str
    round: int
    reason: str


RunEffect = MetricsMeasured | RoundClosed | RunCompleted | ResultDisregarded


def disregarded(result: TaskResult, reason: str) -> ResultDisregarded:
    """Return what to say of a result that changed nothing, or not all that it could."""
    return ResultDisregarded(
        collaborator=result.collaborator, task=result.task, round=result.round, reason=reason
    )
