"""Tensors and models, from the wire and to it."""

from collections.abc import Iterable
from itertools import islice

from director.core.codebooks import MAX_VALUES
from director.core.model import EncodedTensor, Model, Transformer
from director.core.numeric import FLOAT
from director.core.tensors import MAX_DIMENSIONS, MAX_TENSORS
from protos import base_pb2


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


def model_message(model: Model) -> base_pb2.ModelProto:
    """Return a whole model, each tensor as little-endian float32 in C order."""
    return base_pb2.ModelProto(
        tensors=[
            base_pb2.NamedTensor(
                name=name,
                lossless=True,
                tags=["model"],
                transformer_metadata=[base_pb2.MetadataProto(int_list=array.shape)],
                data_bytes=array.astype(FLOAT, copy=False).tobytes(),
            )
            for name, array in model.items()
        ]
    )
