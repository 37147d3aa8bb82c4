"""Closing a round: many contributions in; the next model, the means, and a score out.

Everything happens in the order of the tasks and of the collaborators, never of arrival: the same
results give the same bits.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from director.core.averaging import Combiner, weighted_mean
from director.core.contributions import Contribution, Measurement
from director.core.foreign import ForeignTask, Share
from director.core.model import Array, EnvoyName, Metric, Model, Task
from director.core.numeric import np
from director.core.tensors import MAX_TENSORS
from director.errors import LimitExceededError

AGGREGATOR = "aggregator"
"""The origin of metrics that are means over the collaborators."""

Contributions = Mapping[EnvoyName, Contribution]
"""Of one task, in the order of the collaborators."""
Sent = Mapping[str, Sequence[Share]]
"""What collaborators sent of each tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a round came to; the score is None where nobody measured the round's own model."""

    model: Model
    metrics: tuple[Metric, ...]
    score: float | None


def foreign_tasks(
    base: Model, results: Sequence[tuple[Task, Contributions]], combiners: Mapping[str, Combiner]
) -> tuple[ForeignTask, ...]:
    """Return what has to be made elsewhere of tasks for which there is no combiner."""
    return tuple(
        ForeignTask(
            task=task.name,
            function=task.function_name,
            tensors={name: _shares(everybody) for name, everybody in sent.items()},
        )
        for task, contributions in results
        if task.name not in combiners and (sent := _sent(base, contributions))
    )


def close(
    round_number: int,
    base: Model,
    results: Sequence[tuple[Task, Contributions]],
    combiners: Mapping[str, Combiner],
    foreign: Mapping[str, Model],
    *,
    max_bytes: float,
) -> Outcome:
    """Return the outcome of a round that started from `base`; combiners go by task.

    What tasks without a combiner came to was made elsewhere.

    Raises:
        LimitExceededError: with new tensors the model would have more than `max_bytes`, or more
            tensors than any model may have.
    """
    sent = {task.name: _sent(base, contributions) for task, contributions in results}
    _check_growth(base, sent.values(), max_bytes)
    metrics: list[Metric] = []
    score: float | None = None
    trained: dict[str, Array] = {}
    for task, contributions in results:
        for mean in _means(contributions):
            if mean.is_reported:
                metrics.append(
                    Metric(
                        origin=AGGREGATOR,
                        task=task.name,
                        name=mean.name,
                        value=mean.value,
                        round=round_number,
                    )
                )
            if mean.is_criterion and score is None:
                score = mean.value
        # Tasks follow each other on one model: what a later one trained is the newer state.
        if task.name in combiners:
            made = _combined(base, sent[task.name], combiners[task.name])
        else:
            made = foreign.get(task.name, {})
        trained |= {name: _sound(base.get(name), value) for name, value in made.items()}
    model = {name: trained.pop(name, value) for name, value in base.items()}
    return Outcome(model=model | dict(sorted(trained.items())), metrics=tuple(metrics), score=score)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mean:
    name: str
    value: float
    is_reported: bool
    is_criterion: bool


def _means(contributions: Contributions) -> list[_Mean]:
    """Return the weighted means of a task's metrics; values that are not finite stay out."""
    measured: dict[str, list[tuple[Measurement, int]]] = {}
    for contribution in contributions.values():
        for measurement in contribution.measurements:
            if math.isfinite(measurement.metric.value):
                samples = measured.setdefault(measurement.metric.name, [])
                samples.append((measurement, contribution.weight))
    return [
        _Mean(
            name=name,
            value=_mean([(sample.metric.value, weight) for sample, weight in samples]),
            is_reported=any(sample.is_reported for sample, _ in samples),
            is_criterion=any(sample.is_criterion for sample, _ in samples),
        )
        for name, samples in measured.items()
    ]


def _mean(samples: list[tuple[float, int]]) -> float:
    """Return the mean as it can travel: metrics are float32 on the wire."""
    values, weights = zip(*samples, strict=True)
    return float(
        weighted_mean([np.asarray(value, np.float32) for value in values], weights).astype(
            np.float32
        )
    )


def _combined(base: Model, sent: Sent, combiner: Combiner) -> Model:
    """Return the tensors that a task trained, each over those who sent it."""
    combined: dict[str, Array] = {}
    for name, everybody in sent.items():
        values = [sent.value for sent in everybody]
        with np.errstate(all="ignore"):
            combined[name] = combiner.combine(
                name, base.get(name), values, [sent.weight for sent in everybody]
            )
    return combined


def _sent(base: Model, contributions: Contributions) -> Sent:
    """Return what collaborators sent, weighed by their samples; by tensor, if it counts at all."""
    sent: dict[str, list[Share]] = {}
    trainers = [given for given in contributions.values() if given.tensors]
    for collaborator, given in contributions.items():
        for name, value in given.tensors.items():
            share = Share(collaborator=collaborator, value=value, weight=float(given.weight))
            sent.setdefault(name, []).append(share)
    return {
        name: everybody
        for name, everybody in sent.items()
        if name in base or _is_agreed(everybody, len(trainers))
    }


def _check_growth(base: Model, sent: Iterable[Sent], max_bytes: float) -> None:
    """Refuse what collaborators would go on to ask for, and not get, if it were left out."""
    new = {
        name: everybody[0].value.nbytes
        for by_name in sent
        for name, everybody in by_name.items()
        if name not in base
    }
    size_bytes = sum(value.nbytes for value in base.values()) + sum(new.values())
    if new and (size_bytes > max_bytes or len(base) + len(new) > MAX_TENSORS):
        raise LimitExceededError(
            f"{len(new)} new tensors, such as {min(new)!r}, would make the model too large: it may"
            f" have {max_bytes:.0f} bytes and {MAX_TENSORS} tensors"
        )


def _is_agreed(everybody: Sequence[Share], trainers: int) -> bool:
    """Whether a tensor that the model does not have yet (an optimiser's, say) may join it."""
    return len(everybody) == trainers and len({sent.value.shape for sent in everybody}) == 1


def _shares(everybody: Sequence[Share]) -> tuple[Share, ...]:
    """Return the same with weights that sum up to 1; without samples, everybody counts the same."""
    total = sum(sent.weight for sent in everybody)
    return tuple(
        replace(sent, weight=sent.weight / total if total else 1 / len(everybody))
        for sent in everybody
    )


def _sound(base: Array | None, result: Array) -> Array:
    """Return the result where it can be what a collaborator starts from."""
    if base is None:
        return result
    # Where the model is not finite it holds a constant, and where a step overflowed it stays.
    return np.asarray(np.where(np.isfinite(base) & np.isfinite(result), result, base))
