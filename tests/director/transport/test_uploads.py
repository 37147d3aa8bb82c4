"""Uploads over a real socket: what the Director is given of them, and what it never sees."""

import asyncio
import math
from collections.abc import AsyncIterator

import grpc
import pytest

from director.core.model import EncodedTensor, Transformer
from director.errors import DuplicateExperimentError
from director.interface import UploadPart
from protos import base_pb2, director_pb2
from tests.director.transport.served import served

pytestmark = pytest.mark.wire


def model(*values: int, scale: float = 0.5) -> base_pb2.ModelProto:
    return base_pb2.ModelProto(
        tensors=[
            base_pb2.NamedTensor(
                name="w",
                lossless=True,
                tags=["model"],
                transformer_metadata=[
                    base_pb2.MetadataProto(int_list=[len(values)], int_to_float={1: scale})
                ],
                data_bytes=bytes(values),
            )
        ]
    )


def message(
    chunk: bytes = b"chunk",
    *,
    size: int | None = None,
    name: str = "brain-mri",
    collaborators: tuple[str, ...] = ("env-1", "env-2"),
    model_proto: base_pb2.ModelProto | None = None,
) -> director_pb2.ExperimentInfo:
    return director_pb2.ExperimentInfo(
        name=name,
        collaborator_names=collaborators,
        experiment_data=director_pb2.ExperimentData(
            size=len(chunk) if size is None else size, npbytes=chunk
        ),
        model_proto=model_proto or model(1, 2, 3),
    )


TENSOR = EncodedTensor(
    name="w",
    lossless=True,
    tags=("model",),
    transformers=(Transformer(int_to_float={1: 0.5}, int_list=(3,)),),
    content=bytes([1, 2, 3]),
)


async def test_an_upload_reaches_the_director_in_parts_with_its_model_once() -> None:
    async with served() as it, it.director_stub() as stub:
        response = await stub.SetNewExperiment(iter([message(b"one"), message(b"two")]))

        assert response.accepted
        collaborators = ("env-1", "env-2")
        assert it.fake.upload == [
            UploadPart(
                name="brain-mri", collaborators=collaborators, chunk=b"one", tensors=(TENSOR,)
            ),
            UploadPart(name="brain-mri", collaborators=collaborators, chunk=b"two", tensors=None),
        ]


async def test_a_model_with_a_value_that_differs_from_itself_is_still_the_same() -> None:
    async with served() as it, it.director_stub() as stub:
        odd = model(1, scale=math.nan)

        response = await stub.SetNewExperiment(
            iter([message(model_proto=odd), message(model_proto=odd)])
        )

        assert response.accepted


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "the upload is empty: it has not a single message"),
        (
            [message(), message(b"four", size=5)],
            "a message says that it carries 5 bytes, but it carries 4",
        ),
        (
            [message(), message(name="liver-ct")],
            "the name of the experiment changes from one message of the upload to the next",
        ),
        (
            [message(), message(collaborators=("env-2", "env-1"))],
            "the list of collaborators changes from one message of the upload to the next",
        ),
        (
            [message(), message(model_proto=model(1, 2, 4))],
            "the model changes from one message of the upload to the next",
        ),
        (
            [message(), message(model_proto=base_pb2.ModelProto())],
            "the model changes from one message of the upload to the next",
        ),
    ],
    ids=["empty", "size", "name", "collaborators", "model", "no model"],
)
async def test_an_upload_that_is_empty_or_contradicts_itself_is_refused(
    messages: list[director_pb2.ExperimentInfo], told: str
) -> None:
    async with served() as it, it.director_stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SetNewExperiment(iter(messages))

        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.details() == told


@pytest.mark.parametrize("how", ["cancelled", "out of time", "disconnected"])
async def test_an_upload_whose_client_is_gone_never_ends_for_the_director(how: str) -> None:
    sent = asyncio.Event()

    async def messages() -> AsyncIterator[director_pb2.ExperimentInfo]:
        yield message(b"whole")
        sent.set()
        await asyncio.Event().wait()

    async with served() as it:
        async with it.director_stub() as stub:
            call = stub.SetNewExperiment(messages(), timeout=0.3 if how == "out of time" else None)
            await sent.wait()
            if how == "cancelled":
                call.cancel()
            elif how == "out of time":
                with pytest.raises(grpc.aio.AioRpcError):
                    await call

        await it.fake.until("cancelled submit")


async def test_a_refusal_is_answered_while_the_client_still_sends() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.refusal = DuplicateExperimentError("brain-mri")

        async def endless() -> AsyncIterator[director_pb2.ExperimentInfo]:
            while True:
                yield message(bytes(2**16))
                # grpc.aio tells its client of an INTERNAL error where a message is just under way.
                await asyncio.sleep(0.05)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SetNewExperiment(endless())

        assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
