"""What an experiment must come to, computed apart: no code of the Director or of OpenFL runs here.

The training is that of `peers/workspace/np_adapter.py`, on the points of `peers/envoy.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tests.interop.averages import (
    MOMENTUM,
    Array,
    Learning,
    Model,
    Plain,
    mean,
    whole,
)

Points = tuple[Array, Array]
Metrics = dict[tuple[str, str, str, int], float]
"""By origin, task, name and round."""

STEPS = 10
RATE = 0.05
CELLS, MARKED = 40, slice(None, None, 10)

_AGGREGATOR = "aggregator"
_MEASURED = (
    ("train", "train_mse"),
    ("locally_tuned_model_validate", "fit_score"),
    ("aggregated_model_validate", "fit_score"),
)
"""Task and metric, in the order of a round; the last tells how good the round's own model is."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Where an envoy's points come from."""

    seed: int
    samples: int

    def points(self) -> Points:
        """Return the envoy's points."""
        random = np.random.default_rng(self.seed)
        x = random.uniform(-1, 1, self.samples).astype(np.float32)
        noise = random.normal(0, 0.1, self.samples).astype(np.float32)
        return x, (3 * x + 0.5 + noise).astype(np.float32)


# ---------------------------------------------------------------- an experiment

START: Model = {
    "slope": np.zeros(1, np.float32),
    "bias": np.zeros(1, np.float32),
    "table": np.zeros(CELLS, np.float32),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How an experiment trains and averages."""

    rounds: int = 3
    memory: Literal["none", "local", "global"] = "none"
    """Whether an optimiser remembers, and whether what it remembers is averaged too."""
    has_deltas: bool = False
    codec: Callable[[Array], Array] = whole
    """What compression leaves of a delta."""
    combine: Callable[[Sequence[Array], Sequence[int]], Array] = mean
    learns: Callable[[], Learning] | None = None
    """How an aggregation that remembers combines instead."""
    leaves: Mapping[str, int] = field(default_factory=dict)
    """The first round without an envoy, for those that do not stay to the end."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an experiment comes to."""

    best: Plain
    last: Plain
    metrics: Metrics


def first_round(shards: Mapping[str, Shard]) -> tuple[Sequence[Model], Sequence[int]]:
    """Return what each sends in the first round, and how much that weighs."""
    everybody = [_Collaborator(name, shard.points(), Training()) for name, shard in shards.items()]
    for one in everybody:
        one.enter(START, {})
        one.train(0)
    return [one.sent(0) for one in everybody], [one.weight for one in everybody]


def expected(shards: Mapping[str, Shard], training: Training) -> Expected:
    """Train and average as so many rounds do."""
    everybody = [_Collaborator(name, shard.points(), training) for name, shard in shards.items()]
    model = START
    before: Model = {}
    best, best_score = model, -np.inf
    metrics: Metrics = {}
    learning = training.learns() if training.learns else None
    for number in range(training.rounds):
        present = [one for one in everybody if number < training.leaves.get(one.name, np.inf)]
        weights = [one.weight for one in present]
        sent = []
        measured: Metrics = {}
        for one in present:
            one.enter(model, before)
            measured |= one.train(number)
            sent.append(one.sent(number))
        for task, name in _MEASURED:
            values = [np.asarray(measured[one.name, task, name, number]) for one in present]
            measured[_AGGREGATOR, task, name, number] = float(mean(values, weights))
        metrics |= measured
        score = measured[(_AGGREGATOR, *_MEASURED[-1], number)]
        if score > best_score:
            best, best_score = model, score
        before = model
        together = {name: [one[name] for one in sent] for name in sent[0]}
        model = {
            name: training.combine(values, weights)
            if learning is None
            else learning(name, model[name], values, weights)
            for name, values in together.items()
        }
    return Expected(best=_plain(best), last=_plain(model), metrics=metrics)


@dataclass(slots=True)
class _Collaborator:
    """An envoy in an experiment."""

    name: str
    points: Points
    training: Training
    model: Model = field(default_factory=dict)
    """The round's, as this envoy has it."""
    memory: Model = field(default_factory=dict)
    trained: Model = field(default_factory=dict)

    @property
    def weight(self) -> int:
        return len(self.points[0])

    def enter(self, model: Model, before: Model) -> None:
        """Take a round's model in; with deltas, as its difference to the one before."""
        if self.training.has_deltas and before:
            model = {
                name: self.model[name] + (value - before[name]) for name, value in model.items()
            }
        self.model = model
        if self.training.memory == "global":
            self.memory = {name: model[f"momentum_{name}"] for name in self.memory}

    def train(self, number: int) -> Metrics:
        """Return what was measured."""
        kept = 0.0 if self.training.memory == "none" else MOMENTUM
        nothing = np.zeros(1, np.float32)
        slope, bias = self.model["slope"], self.model["bias"]
        slow_slope = self.memory.get("slope", nothing)
        slow_bias = self.memory.get("bias", nothing)
        for _ in range(STEPS):
            error = _errors({"slope": slope, "bias": bias}, self.points)
            slow_slope = (kept * slow_slope + np.mean(error * self.points[0])).astype(np.float32)
            slow_bias = (kept * slow_bias + np.mean(error)).astype(np.float32)
            slope = (slope - RATE * slow_slope).astype(np.float32)
            bias = (bias - RATE * slow_bias).astype(np.float32)
        self.memory = {"slope": slow_slope, "bias": slow_bias}
        table = self.model["table"].copy()
        table[MARKED] += np.float32(self.weight / 100)
        self.trained = {"slope": slope, "bias": bias, "table": table}
        values = (
            _loss(self.trained, self.points),
            _score(self.trained, self.points),
            _score(self.model, self.points),
        )
        return {
            (self.name, task, name, number): value
            for (task, name), value in zip(_MEASURED, values, strict=True)
        }

    def sent(self, number: int) -> Model:
        """Return what the aggregator gets; OpenFL's collaborators send deltas only at first."""
        sent = self.trained
        if self.training.has_deltas and not number:
            sent = {
                name: self.model[name] + self.training.codec(value - self.model[name])
                for name, value in sent.items()
            }
        if self.training.memory == "none":
            return sent
        return {**sent, **{f"momentum_{name}": value for name, value in self.memory.items()}}


def _errors(model: Model, points: Points) -> Array:
    x, y = points
    return np.asarray(model["slope"] * x + model["bias"] - y)


def _loss(model: Model, points: Points) -> float:
    return float(np.mean(_errors(model, points) ** 2))


def _score(model: Model, points: Points) -> float:
    return float(1.0 / (1.0 + np.mean(_errors(model, points) ** 2)))


def _plain(model: Model) -> Plain:
    return {name: [float(x) for x in values] for name, values in model.items()}
