"""Tensors and models, from the wire and to it."""

from collections.abc import Iterable
from itertools import islice

from director.core.codebooks import MAX_VALUES
from director.core.model import EncodedTensor, Model, Transformer
from director.core.numeric import FLOAT
from director.core.tensors import MAX_DIMENSIONS, MAX_TENSORS
from director.transport.fields import opening
from protos import base_pb2, director_pb2

_DATA_BYTES = base_pb2.NamedTensor.DATA_BYTES_FIELD_NUMBER
_TENSORS = base_pb2.ModelProto.TENSORS_FIELD_NUMBER
_MODEL_PROTO = director_pb2.TrainedModelResponse.MODEL_PROTO_FIELD_NUMBER


def tensors_from(messages: Iterable[base_pb2.NamedTensor]) -> tuple[EncodedTensor, ...]:
    """Return the tensors as they came, not yet decoded.

    Of what is too much for the core there is no more than shows that it is.
    """
    return tuple(
        EncodedTensor(
            name=message.name,
            round_number=message.round_number,
            lossless=message.lossless,
            report=message.report,
            tags=tuple(message.tags),
            transformers=tuple(_transformer(step) for step in message.transformer_metadata),
            content=message.data_bytes,
        )
        for message in islice(messages, MAX_TENSORS + 1)
    )


def _transformer(message: base_pb2.MetadataProto) -> Transformer:
    return Transformer(
        int_to_float=dict(islice(message.int_to_float.items(), MAX_VALUES + 1)),
        int_list=tuple(message.int_list[: MAX_DIMENSIONS + 1]),
        bool_list=tuple(message.bool_list[: MAX_DIMENSIONS + 1]),
    )


def tensor_message(tensor: EncodedTensor) -> base_pb2.NamedTensor:
    """Return the tensor as it travels."""
    return base_pb2.NamedTensor(
        name=tensor.name,
        round_number=tensor.round_number,
        lossless=tensor.lossless,
        report=tensor.report,
        tags=tensor.tags,
        transformer_metadata=[
            base_pb2.MetadataProto(
                int_to_float=step.int_to_float, int_list=step.int_list, bool_list=step.bool_list
            )
            for step in tensor.transformers
        ],
        data_bytes=tensor.content,
    )


def model_answer(model: Model) -> bytes:
    """Return an encoded TrainedModelResponse of either service.

    Each tensor is little-endian float32 in C order.  Put together here: the library would copy a
    model, which may have a gigabyte, once more for each message that it is in.
    """
    pieces: list[bytes | memoryview] = []
    for name, array in model.items():
        # The bytes as they are, wherever they are so already.
        content = array.astype(FLOAT, order="C", copy=False).reshape(-1).view("u1").data
        begin = base_pb2.NamedTensor(
            name=name,
            lossless=True,
            tags=["model"],
            transformer_metadata=[base_pb2.MetadataProto(int_list=array.shape)],
        ).SerializeToString()
        begin += opening(_DATA_BYTES, len(content))
        pieces += (opening(_TENSORS, len(begin) + len(content)), begin, content)
    return b"".join((opening(_MODEL_PROTO, sum(map(len, pieces))), *pieces))
