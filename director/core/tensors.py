"""Tensors between the wire, numpy and the disk: raw little-endian float32 with a shape beside it.

Collaborators may send less than that, in one of OpenFL's lossy forms; we never do.
"""

import json
import math
import struct
from collections.abc import Iterable, Sequence

from director.core.codebooks import look_up
from director.core.model import Array, EncodedTensor, Model, Transformer
from director.core.numeric import FLOAT, FLOAT_BYTES, np
from director.errors import InvalidUploadError, LimitExceededError

MAX_DIMENSIONS = 32
"""What every numpy takes."""
MAX_TENSORS = 10_000
"""Of a model, and of what one task sends back: far more than any model of a gigabyte has."""

_MAGIC = b"squall-model-1\n"
"""A later layout gets another number: a reader knows at once whether it can read on."""
_HEADER_LENGTH = struct.Struct("<L")


def decode(tensor: EncodedTensor) -> Array:
    """Return the values; where they are not compressed, read-only and without a copy.

    Raises:
        InvalidUploadError: bytes and shape do not fit each other, or nobody here can undo them.
    """
    shape = shape_of(tensor)
    codebooks = [step.int_to_float for step in tensor.transformers if step.int_to_float]
    match tensor.transformers, codebooks:
        case [_], []:
            values = _plain(tensor.name, shape, tensor.content)
        case [_, _, *_], [codebook]:
            values = look_up(tensor.name, math.prod(shape), codebook, tensor.content)
        case _:
            raise InvalidUploadError(f"tensor {tensor.name!r} is compressed in an unknown way")
    try:
        return values.reshape(shape)
    except ValueError as error:
        # No value at all, but lengths whose product numpy cannot hold.
        raise InvalidUploadError(f"tensor {tensor.name!r} has an impossible shape") from error


def shape_of(tensor: EncodedTensor) -> tuple[int, ...]:
    """Return the shape that a tensor claims, without a look at its content.

    Raises:
        InvalidUploadError: it claims none, or an impossible one.
    """
    if not tensor.transformers:
        raise InvalidUploadError(f"tensor {tensor.name!r} has no shape")
    shape = tensor.transformers[0].int_list
    if len(shape) > MAX_DIMENSIONS or any(length < 0 for length in shape):
        raise InvalidUploadError(f"tensor {tensor.name!r} has an impossible shape")
    return shape


def unfolded_bytes(tensor: EncodedTensor) -> int:
    """Return how many bytes a tensor takes, as it came or as it claims to be, whichever is more."""
    claimed = math.prod(tensor.transformers[0].int_list) if tensor.transformers else 0
    return max(len(tensor.content), claimed * FLOAT_BYTES)


def encode(
    name: str,
    array: Array,
    *,
    round_number: int,
    tags: Sequence[str],
    report: bool = False,
    lossless: bool = True,
) -> EncodedTensor:
    """Return the tensor as it travels; its tags keep their order."""
    return EncodedTensor(
        name=name,
        round_number=round_number,
        lossless=lossless,
        report=report,
        tags=tuple(tags),
        transformers=(Transformer(int_list=array.shape),),
        content=array.astype(FLOAT, copy=False).tobytes(),
    )


def model_from(tensors: Iterable[EncodedTensor]) -> Model:
    """Return an uploaded model.

    Raises:
        InvalidUploadError: a tensor is damaged, nameless, there twice, or of another round.
        LimitExceededError: there are too many of them.
    """
    model: dict[str, Array] = {}
    rounds: set[int] = set()
    for tensor in tensors:
        rounds.add(tensor.round_number)
        if not tensor.name or tensor.name in model:
            raise InvalidUploadError(f"tensor {tensor.name!r} has no name, or is there twice")
        if len(rounds) > 1:
            raise InvalidUploadError("the model's tensors are of different rounds")
        if len(tensor.transformers) > 1:
            raise InvalidUploadError(f"tensor {tensor.name!r} of the first model is compressed")
        if len(model) == MAX_TENSORS:
            raise LimitExceededError(f"a model may have no more than {MAX_TENSORS} tensors")
        model[tensor.name] = decode(tensor)
    return model


def model_to_bytes(model: Model) -> bytes:
    """Return the model in a layout of our own: a line that names it, a JSON header, the values."""
    header = json.dumps([[name, array.shape] for name, array in model.items()]).encode()
    contents = (array.astype(FLOAT, copy=False).tobytes() for array in model.values())
    return b"".join((_MAGIC, _HEADER_LENGTH.pack(len(header)), header, *contents))


def model_from_bytes(content: bytes) -> Model:
    """Return a model that `model_to_bytes` wrote, read-only, without a copy.

    Raises:
        ValueError: these are not whole bytes of a layout that we know.
    """
    start = len(_MAGIC) + _HEADER_LENGTH.size
    if not content.startswith(_MAGIC) or len(content) < start:
        raise ValueError("not a stored model of this version")
    (length,) = _HEADER_LENGTH.unpack_from(content, len(_MAGIC))
    at = start + length
    model: dict[str, Array] = {}
    for name, shape in _header(content[start:at]):
        size = FLOAT_BYTES * math.prod(shape)
        if at + size > len(content):
            raise ValueError("a stored model is cut")
        model[name] = np.frombuffer(content, FLOAT, math.prod(shape), at).reshape(shape)
        at += size
    if at != len(content):
        raise ValueError("a stored model is followed by bytes that do not belong to it")
    return model


def _plain(name: str, shape: tuple[int, ...], content: bytes) -> Array:
    if math.prod(shape) * FLOAT_BYTES != len(content):
        raise InvalidUploadError(
            f"tensor {name!r} has {len(content)} bytes, which is not its shape {shape} of float32"
        )
    return np.frombuffer(content, FLOAT)


def _header(content: bytes) -> list[tuple[str, tuple[int, ...]]]:
    parsed: object = json.loads(content)
    header: list[tuple[str, tuple[int, ...]]] = []
    for entry in parsed if isinstance(parsed, list) else [parsed]:
        match entry:
            case [str(name), [*shape]]:
                header.append((name, tuple(_length(length) for length in shape)))
            case _:
                raise ValueError("a stored model has a tensor without name or shape")
    return header


def _length(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("a stored model has a tensor of impossible shape")
    return value
