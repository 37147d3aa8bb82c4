"""Tensors of a record: the same bit for bit, or the same but for rounding."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.history.entry import JsonObject
from simulator.history.fields import items, table, text

CLOSE = 1e-5
"""How much two ways to sum may differ, relative to the greatest summand."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mean:
    """A weighted mean, and how far from it another way to compute it may land."""

    values: Values
    tolerance: float

    def allows(self, tensor: JsonObject) -> bool:
        """Whether a tensor may be this mean; one too large to be recorded may be anything."""
        found = values(tensor)
        if found is None:
            return True
        if found.shape != self.values.shape:
            return False
        return bool(np.all(np.abs(found - self.values) <= self.tolerance))


def values(tensor: JsonObject) -> Values | None:
    """Return a tensor's numbers; None where it was too large to be recorded."""
    encoded = text(tensor, "b64", "")
    shape = [int(side) for side in items(tensor, "shape") if isinstance(side, int)]
    if not encoded and shape and 0 not in shape:
        return None
    content = np.frombuffer(base64.b64decode(encoded), dtype="<f4")
    return content.astype(np.float64).reshape(shape)


def weighted_mean(tensors: Sequence[tuple[float, JsonObject]]) -> Mean | None:
    """Return the mean of tensors by their weights; None where it cannot be computed.

    All weigh the same where the weights are all zero.
    """
    found = [(weight, values(tensor)) for weight, tensor in tensors]
    known = [(weight, array) for weight, array in found if array is not None]
    if not known or len(known) < len(found):
        return None
    if any(array.shape != known[0][1].shape for _, array in known):
        return None
    total = sum(weight for weight, _ in known)
    shares = [weight / total if total else 1 / len(known) for weight, _ in known]
    summed = np.zeros_like(known[0][1])
    for share, (_, array) in zip(shares, known, strict=True):
        summed = summed + share * array
    greatest = max((float(np.max(np.abs(array), initial=0.0)) for _, array in known), default=0.0)
    return Mean(summed, CLOSE * max(greatest, 1e-30))


def model_of(value: JsonObject, name: str) -> dict[str, JsonObject]:
    """Return a field that holds tensors by name."""
    tensors = table(value, name)
    return {tensor: table(tensors, tensor) for tensor in tensors}


def digest(tensor: JsonObject) -> str:
    """Return what identifies a tensor's bytes."""
    return text(tensor, "sha256")
