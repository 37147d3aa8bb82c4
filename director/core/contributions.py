"""What is taken out of one task's result: trained tensors, metrics, and what was wrong with it.

Tags say what a tensor is, never the plan: `metric` a measurement, `trained` a part of the model,
`delta` the difference to the round's model; everything else is passed over.

A flawed part is left out and the rest is taken.  The result counts as reported all the same: a
collaborator that was asked again would most likely send the same, and hold up everybody for ever.

Lossy tensors are a thousand times smaller on the wire than they are: nothing is unfolded before it
is certain that it is as large as it has to be.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from director.core.model import Array, EncodedTensor, Metric, Model, TaskResult
from director.core.numeric import np
from director.core.tensors import MAX_TENSORS, decode, shape_of, unfolded_bytes
from director.errors import InvalidUploadError

MAX_METRICS = 1_000
"""Of one result: all are shown to every follower, and written down."""

_CRITERION = "validate_agg"
"""Marks the metric that tells how good the round's own model is."""
_LONGEST_NAME = 1_024
_SHOWN_LENGTH = 64
_MOST_FLAWS = 10
_LIGHT_BYTES = 2**20
_LIGHT_TENSORS = 100
"""So much is read in a few milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One metric of one collaborator, and what it is good for."""

    metric: Metric
    is_reported: bool
    """Whether its mean is a metric of the aggregator."""
    is_criterion: bool
    """Whether the best model is chosen by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One result, taken in; `flaws` say what was left out of it, and why."""

    weight: int
    tensors: Model
    measurements: tuple[Measurement, ...]
    flaws: tuple[str, ...]


def is_heavy(result: TaskResult) -> bool:
    """Whether it takes so long to read the result that others would have to wait."""
    if len(result.tensors) > _LIGHT_TENSORS:
        return True
    return sum(map(unfolded_bytes, result.tensors)) > _LIGHT_BYTES


def read_result(result: TaskResult, base: Model) -> Contribution:
    """Return what the result adds to a round that started from `base`; never refuses.

    It looks at nothing else, so that it may be done in a thread.
    """
    flaws: list[str] = []
    tensors: Model = {}
    measurements: dict[str, Measurement] = {}
    if len(result.tensors) > MAX_TENSORS:
        flaws.append(f"it has more than {MAX_TENSORS} tensors and metrics, which is the limit")
    else:
        try:
            tensors = _trained(result, base)
        except InvalidUploadError as flaw:
            flaws.append(str(flaw))
        measurements = _measured(result, flaws)
    return Contribution(
        weight=max(result.data_size, 0),
        tensors=tensors,
        measurements=tuple(measurements.values()),
        flaws=_told(flaws),
    )


def _told(flaws: Sequence[str]) -> tuple[str, ...]:
    """Return no more of them than somebody would read in a log."""
    more = len(flaws) - _MOST_FLAWS
    return (*flaws[:_MOST_FLAWS], f"and {more} more") if more > 0 else tuple(flaws)


def _trained(result: TaskResult, base: Model) -> Model:
    """Return the trained tensors, all or none: half an update is not an update."""
    if result.data_size < 0:
        raise InvalidUploadError(f"data_size {result.data_size} cannot be a weight")
    tensors: dict[str, Array] = {}
    for tensor in result.tensors:
        if "trained" not in tensor.tags or "metric" in tensor.tags:
            continue
        if tensor.name not in base:
            _check_name(tensor.name, "tensor")
        if tensor.name in tensors:
            raise InvalidUploadError(f"tensor {tensor.name!r} is there twice")
        known = base.get(tensor.name)
        value = _new(tensor) if known is None else _trained_from(tensor, known)
        tensors[tensor.name] = value
    return tensors


def _new(tensor: EncodedTensor) -> Array:
    """Return a tensor that the model does not have, such as an optimiser's."""
    if "delta" in tensor.tags:
        raise InvalidUploadError(f"tensor {tensor.name!r} differs from nothing we have")
    if len(tensor.transformers) > 1:
        # OpenFL compresses differences only, and nobody knows how large this one has to be.
        raise InvalidUploadError(f"tensor {tensor.name!r} is compressed, and not of the model")
    value = decode(tensor)
    if not np.isfinite(value).all():
        raise InvalidUploadError(f"tensor {tensor.name!r} has values that are not finite")
    return value


def _trained_from(tensor: EncodedTensor, base: Array) -> Array:
    """Return what the collaborator trained, whichever way it sent it."""
    if shape_of(tensor) != base.shape:
        raise InvalidUploadError(
            f"tensor {tensor.name!r} has the shape {shape_of(tensor)} instead of {base.shape}"
        )
    value = decode(tensor)
    if "delta" in tensor.tags:
        with np.errstate(over="ignore", invalid="ignore"):
            value = np.asarray(base + value)
    # Models may hold constants that are not finite, such as masks of -inf.
    if not (np.isfinite(value) | ~np.isfinite(base)).all():
        raise InvalidUploadError(f"tensor {tensor.name!r} has values that are not finite")
    return value


def _measured(result: TaskResult, flaws: list[str]) -> dict[str, Measurement]:
    """Return the metrics by name, and say what is wrong with the others."""
    measurements: dict[str, Measurement] = {}
    metrics = [tensor for tensor in result.tensors if "metric" in tensor.tags]
    if len(metrics) > MAX_METRICS:
        flaws.append(f"of {len(metrics)} metrics the first {MAX_METRICS} count")
    for tensor in metrics[:MAX_METRICS]:
        if tensor.name in measurements:
            flaws.append(f"metric {tensor.name!r} is there twice")
            continue
        try:
            measurements[tensor.name] = _measurement(result, tensor)
        except InvalidUploadError as flaw:
            flaws.append(str(flaw))
    return measurements


def _measurement(result: TaskResult, tensor: EncodedTensor) -> Measurement:
    _check_name(tensor.name, "metric")
    if math.prod(shape_of(tensor)) != 1:
        raise InvalidUploadError(f"metric {tensor.name!r} is not one number")
    return Measurement(
        metric=Metric(
            origin=result.collaborator,
            task=result.task,
            name=tensor.name,
            value=float(decode(tensor).reshape(())),
            round=result.round,
        ),
        is_reported=tensor.report,
        is_criterion=_CRITERION in tensor.tags,
    )


def _check_name(name: str, what: str) -> None:
    if not name:
        raise InvalidUploadError(f"a {what} has no name")
    if len(name) > _LONGEST_NAME:
        raise InvalidUploadError(f"the name of the {what} {name[:_SHOWN_LENGTH]!r}… is too long")
