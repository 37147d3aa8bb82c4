"""What is taken out of one task's result: trained tensors, metrics, and what was wrong with it.

Tags say what a tensor is, never the plan: `metric` a measurement, `trained` a part of the model,
`delta` the difference to the round's model; everything else is passed over.

A flawed part is left out and the rest is taken.  The result counts as reported all the same: a
collaborator that was asked again would most likely send the same, and hold up everybody for ever.
"""

from dataclasses import dataclass

from director.core.model import Array, EncodedTensor, Metric, Model, TaskResult
from director.core.numeric import np
from director.core.tensors import decode, shape_of
from director.errors import InvalidUploadError

_CRITERION = "validate_agg"
"""Marks the metric that tells how good the round's own model is."""


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


def read_result(result: TaskResult, base: Model) -> Contribution:
    """Return what the result adds to a round that started from `base`; never refuses."""
    flaws: list[str] = []
    tensors: Model = {}
    try:
        tensors = _trained(result, base)
    except InvalidUploadError as flaw:
        flaws.append(str(flaw))
    measurements: dict[str, Measurement] = {}
    for tensor in result.tensors:
        if "metric" not in tensor.tags:
            continue
        if tensor.name in measurements:
            flaws.append(f"metric {tensor.name!r} is there twice")
            continue
        try:
            measurements[tensor.name] = _measurement(result, tensor)
        except InvalidUploadError as flaw:
            flaws.append(str(flaw))
    return Contribution(
        weight=max(result.data_size, 0),
        tensors=tensors,
        measurements=tuple(measurements.values()),
        flaws=tuple(flaws),
    )


def _trained(result: TaskResult, base: Model) -> Model:
    """Return the trained tensors, all or none: half an update is not an update."""
    if result.data_size < 0:
        raise InvalidUploadError(f"data_size {result.data_size} cannot be a weight")
    tensors: dict[str, Array] = {}
    for tensor in result.tensors:
        if "trained" not in tensor.tags or "metric" in tensor.tags:
            continue
        if not tensor.name or tensor.name in tensors:
            raise InvalidUploadError(f"tensor {tensor.name!r} has no name, or is there twice")
        tensors[tensor.name] = _value(tensor, base.get(tensor.name))
    return tensors


def _value(tensor: EncodedTensor, base: Array | None) -> Array:
    """Return what the collaborator trained, whichever way it sent it."""
    if base is not None and shape_of(tensor) != base.shape:
        # Before anything is decompressed: a small message may unfold to a large tensor.
        raise InvalidUploadError(
            f"tensor {tensor.name!r} has the shape {shape_of(tensor)} instead of {base.shape}"
        )
    value = decode(tensor)
    if base is None:
        if "delta" in tensor.tags:
            raise InvalidUploadError(f"tensor {tensor.name!r} differs from nothing we have")
        if not np.isfinite(value).all():
            raise InvalidUploadError(f"tensor {tensor.name!r} has values that are not finite")
        return value
    if "delta" in tensor.tags:
        with np.errstate(over="ignore", invalid="ignore"):
            value = np.asarray(base + value)
    # Models may hold constants that are not finite, such as masks of -inf.
    if not (np.isfinite(value) | ~np.isfinite(base)).all():
        raise InvalidUploadError(f"tensor {tensor.name!r} has values that are not finite")
    return value


def _measurement(result: TaskResult, tensor: EncodedTensor) -> Measurement:
    value = decode(tensor)
    if not tensor.name or value.size != 1:
        raise InvalidUploadError(f"metric {tensor.name!r} has no name, or is not one number")
    return Measurement(
        metric=Metric(
            origin=result.collaborator,
            task=result.task,
            name=tensor.name,
            value=float(value.reshape(())),
            round=result.round,
        ),
        is_reported=tensor.report,
        is_criterion=_CRITERION in tensor.tags,
    )
