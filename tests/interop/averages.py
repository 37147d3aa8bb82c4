"""Averages of what collaborators send, and what lossy compression leaves of it, computed apart.

No code of the Director or of OpenFL runs here.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
Model = Mapping[str, Array]
Plain = Mapping[str, Sequence[float]]
"""A model as JSON can say it."""

MOMENTUM = 0.5

Learning = Callable[[str, Array, Sequence[Array], Sequence[int]], Array]
"""How an aggregation that remembers makes one tensor of several, given its name and its base."""


def mean(values: Sequence[Array], weights: Sequence[int]) -> Array:
    """Return the weighted average."""
    return _mean(values, weights).astype(np.float32)


def _mean(values: Sequence[Array], weights: Sequence[int]) -> Wide:
    total = np.zeros(values[0].shape)
    for value, weight in zip(values, weights, strict=True):
        total += weight * value.astype(np.float64)
    return np.asarray(total / sum(weights))


def median(values: Sequence[Array], weights: Sequence[int]) -> Array:
    """Return the median of each element."""
    del weights
    return np.asarray(np.median(np.stack(values).astype(np.float64), axis=0), np.float32)


class Coasting:
    """The aggregation function that `peers/frontend.py` brings: it goes on as it went before."""

    def __init__(self) -> None:
        self._speeds: dict[str, Wide] = {}

    def __call__(
        self, name: str, base: Array, values: Sequence[Array], weights: Sequence[int]
    ) -> Array:
        shares = [weight / sum(weights) for weight in weights]
        average = sum(
            share * value.astype(np.float64) for share, value in zip(shares, values, strict=True)
        )
        before = self._speeds.get(name, np.zeros(base.shape))
        self._speeds[name] = MOMENTUM * before + (average - base)
        return np.asarray(base + self._speeds[name], np.float32)


class Adam:
    """OpenFL's `AdamAdaptiveAggregation` with its own settings."""

    def __init__(self) -> None:
        self._moments: dict[str, tuple[Wide, Wide, int]] = {}

    def __call__(
        self, name: str, base: Array, values: Sequence[Array], weights: Sequence[int]
    ) -> Array:
        zero = np.zeros(base.shape)
        first, second, step = self._moments.get(name, (zero, zero, 0))
        gradient = base.astype(np.float64) - mean(values, weights)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        step += 1
        self._moments[name] = first, second, step
        size = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        return np.asarray(base - 0.01 * first / (1 - 0.9**step) / size, np.float32)


class Adaptive:
    """Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), algorithm 2.

    Its settings are those that `docs/openfl.md` tells of.
    """

    def __init__(self, second: Callable[[Wide, Wide], Wide]) -> None:
        self._second = second
        self._moments: dict[str, tuple[Wide, Wide]] = {}

    def __call__(
        self, name: str, base: Array, values: Sequence[Array], weights: Sequence[int]
    ) -> Array:
        start = np.zeros(base.shape), np.full(base.shape, 1e-6)
        first, second = self._moments.get(name, start)
        change = _mean(values, weights) - base
        first = 0.9 * first + 0.1 * change
        second = self._second(second, change**2)
        self._moments[name] = first, second
        return np.asarray(base + 0.1 * first / (np.sqrt(second) + 1e-3), np.float32)


def fed_adagrad() -> Adaptive:
    """Return FedAdagrad."""
    return Adaptive(lambda second, square: second + square)


def fed_adam() -> Adaptive:
    """Return FedAdam."""
    return Adaptive(lambda second, square: 0.99 * second + 0.01 * square)


def fed_yogi() -> Adaptive:
    """Return FedYogi."""
    return Adaptive(lambda second, square: second - 0.01 * square * np.sign(second - square))


def distance(model: Plain, sent: Sequence[Model], weights: Sequence[int], name: str) -> float:
    """Return how far a tensor is from those that were sent, weighed: what a median makes least."""
    here = np.asarray(model[name])
    return sum(
        weight * float(np.linalg.norm(here - one[name]))
        for one, weight in zip(sent, weights, strict=True)
    )


def whole(tensor: Array) -> Array:
    """Return what lossless compression leaves: all."""
    return tensor


def ternary(tensor: Array) -> Array:
    """Return what OpenFL's STC leaves of a tensor that has little but zeros: sign and mean."""
    return np.asarray(np.sign(tensor) * np.mean(np.abs(tensor)), np.float32)
