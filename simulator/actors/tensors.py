"""Tensors between numpy, the wire and the history.

On the wire: float32, C order, little-endian; the shape is the only transformer's list of ints.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from protos import base_pb2
from simulator.history.entry import JsonObject

Array = NDArray[np.float32]
Model = Mapping[str, Array]

# A tensor of a thousand numbers still tells in the history what it holds.
_SHOWN_BYTES = 4096


class TensorError(Exception):
    """A tensor's bytes do not fit its shape."""


def encoded(
    name: str,
    values: Array,
    *,
    tags: Iterable[str] = (),
    round_number: int = 0,
    report: bool = False,
) -> base_pb2.NamedTensor:
    """Put an array on the wire; tags are sorted, as OpenFL's are."""
    return base_pb2.NamedTensor(
        name=name,
        round_number=round_number,
        lossless=True,
        report=report,
        tags=sorted(tags),
        transformer_metadata=[base_pb2.MetadataProto(int_list=values.shape)],
        data_bytes=values.astype("<f4").tobytes(),
    )


def model_proto(model: Model) -> base_pb2.ModelProto:
    """Put a model on the wire as OpenFL's frontends do."""
    return base_pb2.ModelProto(
        tensors=[encoded(name, values, tags=["model"]) for name, values in model.items()]
    )


def decoded(tensor: base_pb2.NamedTensor) -> Array:
    """Take an array from the wire.

    Raises:
        TensorError: the bytes do not fit the shape.
    """
    try:
        return (
            np.frombuffer(tensor.data_bytes, dtype="<f4").astype(np.float32).reshape(_shape(tensor))
        )
    except ValueError as error:
        raise TensorError(f"tensor {tensor.name!r}: {error}") from error


def shown(tensor: base_pb2.NamedTensor) -> JsonObject:
    """Tell a tensor in the history, whatever it holds."""
    value: dict[str, str | list[int]] = {
        "shape": list(_shape(tensor)),
        "sha256": hashlib.sha256(tensor.data_bytes).hexdigest(),
    }
    if len(tensor.data_bytes) <= _SHOWN_BYTES:
        value["b64"] = base64.b64encode(tensor.data_bytes).decode()
    return value


def shown_all(tensors: Iterable[base_pb2.NamedTensor]) -> JsonObject:
    """Tell tensors by their names."""
    return {tensor.name: shown(tensor) for tensor in tensors}


def _shape(tensor: base_pb2.NamedTensor) -> tuple[int, ...]:
    metadata = tensor.transformer_metadata
    return tuple(metadata[0].int_list) if metadata else ()
