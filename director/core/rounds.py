"""Closing a round: many contributions in; the next model, the means, and a score out.

Everything happens in the order of the tasks and of the collaborators, never of arrival: the same
results give the same bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from director.core.averaging import Combiner, weighted_mean
from director.core.contributions import Contribution, Measurement
from director.core.model import Array, EnvoyName, Metric, Model, Task

AGGREGATOR = "aggregator"
"""The origin of metrics that are means over the collaborators."""

Contributions = Mapping[EnvoyName, Contribution]
"""Of one task, in the order of the collaborators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a round came to; the score is None where nobody measured the round's own model."""

    model: Model
    metrics: tuple[Metric, ...]
    score: float | None


def close(
    round_number: int,
    base: Model,
    results: Sequence[tuple[Task, Contributions]],
    combiners: Mapping[str, Combiner],
) -> Outcome:
    """Return the outcome of a round that started from `base`; combiners go by task."""
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
        trained |= _combined(base, contributions, combiners[task.name])
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


def _combined(base: Model, contributions: Contributions, combiner: Combiner) -> Model:
    """Return the tensors that a task trained, each over those who sent it."""
    sent: dict[str, list[tuple[Array, int]]] = {}
    trainers = [given for given in contributions.values() if given.tensors]
    for contribution in trainers:
        for name, value in contribution.tensors.items():
            sent.setdefault(name, []).append((value, contribution.weight))
    return {
        name: _aggregate(name, base.get(name), values, combiner)
        for name, values in sent.items()
        if name in base or _is_agreed(values, len(trainers))
    }


def _is_agreed(values: Sequence[tuple[Array, int]], trainers: int) -> bool:
    """Whether a tensor that the model does not have yet (an optimiser's, say) may join it."""
    return len(values) == trainers and len({value.shape for value, _ in values}) == 1


def _aggregate(
    name: str, base: Array | None, sent: Sequence[tuple[Array, int]], combiner: Combiner
) -> Array:
    values = [value for value, _ in sent]
    with np.errstate(all="ignore"):
        result = combiner.combine(name, base, values, [float(weight) for _, weight in sent])
    if base is None:
        return result
    # Where the model is not finite it holds a constant, and where a step overflowed it stays.
    return np.asarray(np.where(np.isfinite(base) & np.isfinite(result), result, base))
