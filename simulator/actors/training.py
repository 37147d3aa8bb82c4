"""What an envoy learns from, and how long it takes: real arithmetic on a tiny seeded problem.

Linear regression: every envoy has its own noisy samples of one common truth, so that the loss
falls from round to round and the average of many is better than any one of them.
"""

from random import Random
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from simulator.actors.tensors import Array, Model
from simulator.units import Share, Spread


class TrainingSpec(BaseModel):
    """How the envoys of a group train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    takes: Spread = 1.0
    """One experiment's training on one envoy, its rounds together."""
    rounds: Annotated[int, Field(ge=1)] = 3
    """How many rounds an experiment for this group lasts, unless it says otherwise."""
    fails: Share = 0.0
    """The chance that one experiment breaks on one envoy, in a round left to chance."""


FEATURES = 9
TENSORS = {"weights": (FEATURES,), "bias": (1,)}
"""The model that our experiments train: ten numbers in two tensors."""

LOSS, SCORE = "loss", "score"
"""What training and validation measure: the less and the more, the better."""

# A fifth of the samples is kept back to judge a model by.
_VALIDATION_SHARE = 0.2
# Few and small steps: a model that were perfect after one round would show nothing.
_STEPS = 8
_STEP_SIZE = 0.1
_NOISE = 0.2

# What all the data have in common, and training is to find.
_TRUE_WEIGHTS = np.linspace(-1.5, 1.5, FEATURES)
_TRUE_BIAS = 0.5

# Machines differ in the last bits of a sum; six decimals are the same on all of them.
_DECIMALS = 6

Samples = NDArray[np.float64]


class Learner:
    """One envoy's own data, and what can be learnt from them."""

    def __init__(self, random: Random, n_samples: int) -> None:
        dice = np.random.default_rng(random.getrandbits(64))
        inputs = dice.standard_normal((n_samples, FEATURES))
        noise = _NOISE * dice.standard_normal(n_samples)
        outputs = _weighted(inputs, _TRUE_WEIGHTS) + _TRUE_BIAS + noise
        kept_back = max(1, round(n_samples * _VALIDATION_SHARE))
        self._inputs, self._test_inputs = inputs[kept_back:], inputs[:kept_back]
        self._outputs, self._test_outputs = outputs[kept_back:], outputs[:kept_back]

    @property
    def train_size(self) -> int:
        """How many samples there are to learn from."""
        return len(self._outputs)

    @property
    def validation_size(self) -> int:
        """How many samples there are to judge by."""
        return len(self._test_outputs)

    def train(self, model: Model) -> tuple[Model, float]:
        """Return a better model, and how far off the given one was (mean squared error)."""
        weights, bias = _values(model)
        loss = _mean_square(self._errors(weights, bias))
        for _ in range(_STEPS):
            errors = self._errors(weights, bias)
            weights = weights - _STEP_SIZE * (self._inputs * errors[:, None]).mean(axis=0)
            bias = bias - _STEP_SIZE * float(errors.mean())
        trained = {"weights": _rounded(weights), "bias": _rounded(np.array([bias]))}
        return trained, round(loss, _DECIMALS)

    def score(self, model: Model) -> float:
        """Return how much of the spread in the kept-back samples a model explains; 1 is all."""
        weights, bias = _values(model)
        errors = _weighted(self._test_inputs, weights) + bias - self._test_outputs
        spread = _mean_square(self._test_outputs - _TRUE_BIAS)
        return round(1 - _mean_square(errors) / spread, _DECIMALS)

    def _errors(self, weights: Samples, bias: float) -> Samples:
        return _weighted(self._inputs, weights) + bias - self._outputs


def first_model(random: Random) -> Model:
    """Return a model that knows nothing yet."""
    return {
        name: np.array([round(random.gauss(0, 0.1), 3) for _ in range(size)], dtype=np.float32)
        for name, (size,) in TENSORS.items()
    }


def _weighted(inputs: Samples, weights: Samples) -> Samples:
    # Not the `@` of a linear algebra library, whose order of summing depends on the machine.
    weighted: Samples = (inputs * weights).sum(axis=1)
    return weighted


def _mean_square(values: Samples) -> float:
    return float((values * values).mean())


def _values(model: Model) -> tuple[Samples, float]:
    return model["weights"].astype(np.float64), float(model["bias"][0])


def _rounded(values: Samples) -> Array:
    return values.round(_DECIMALS).astype(np.float32)
