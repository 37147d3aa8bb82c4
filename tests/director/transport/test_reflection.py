"""What generic tools find out from a server, with the library's own client."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from director.extras import MissingExtraError
from director.transport.server import DirectorGRPCServer
from director.transport.status import UNDECODABLE
from protos import director_pb2
from tests.director.transport.fake_director import FakeDirector
from tests.director.transport.served import channel_credentials, served

pytestmark = pytest.mark.wire

Request = reflection_pb2.ServerReflectionRequest
PATH = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def reflecting(server: DirectorGRPCServer) -> None:
    server.reflection = True


@pytest.mark.parametrize("tls", [False, True])
async def test_a_generic_client_calls_an_rpc_that_it_only_knows_by_reflection(*, tls: bool) -> None:
    def find_out(port: int, credentials: grpc.ChannelCredentials | None) -> tuple[Any, Any]:
        target = f"localhost:{port}"
        opened = (
            grpc.insecure_channel(target)
            if credentials is None
            else grpc.secure_channel(target, credentials)
        )
        with opened as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            pool = DescriptorPool(database)
            service = pool.FindServiceByName("openfl.director.Director")
            return tuple(database.get_services()), {
                method.name: (method.input_type.full_name, method.output_type.full_name)
                for method in service.methods
            }

    async with served(tls=tls, prepare=reflecting) as it:
        credentials = channel_credentials(it.pki.client("alice")) if tls else None
        services, methods = await asyncio.to_thread(find_out, it.server.port, credentials)

    assert services == (
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "openfl.aggregator.Aggregator",
        "openfl.director.Director",
    )
    assert len(methods) == 14
    assert methods["GetEnvoys"] == (
        director_pb2.GetEnvoysRequest.DESCRIPTOR.full_name,
        director_pb2.GetEnvoysResponse.DESCRIPTOR.full_name,
    )


async def nothing_yet() -> AsyncIterator[Any]:
    """Keep a stream open: grpc.aio may report INTERNAL for a message that meets a refused one."""
    await asyncio.Event().wait()
    yield Request()


async def test_by_default_nobody_is_told_anything() -> None:
    async with served() as it, it.channel() as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ServerReflectionInfo(nothing_yet()).read()

        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "asked",
    [
        Request(),
        Request(file_by_filename="/etc/passwd"),
        Request(file_containing_symbol="no.such.Thing"),
        Request(all_extension_numbers_of_type="no.such.Thing"),
        Request(all_extension_numbers_of_type="openfl.director.ShardInfo"),
        Request(
            file_containing_extension=reflection_pb2.ExtensionRequest(
                containing_type="openfl.director.ShardInfo", extension_number=-1
            )
        ),
    ],
    ids=lambda asked: str(asked).strip() or "nothing",
)
async def test_what_is_not_there_is_answered_and_the_stream_goes_on(asked: Any) -> None:
    async with served(prepare=reflecting) as it, it.channel() as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)

        answers = [
            answer.WhichOneof("message_response")
            async for answer in stub.ServerReflectionInfo(iter([asked, Request(list_services="")]))
        ]

        assert answers[0] in {"error_response", "all_extension_numbers_response"}
        assert answers[1] == "list_services_response"


async def test_a_request_that_cannot_be_decoded_is_refused_without_an_exception() -> None:
    async with served(prepare=reflecting) as it, it.channel() as channel:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(PATH)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(iter([b"\xff\xff"])).read()

        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.details() == UNDECODABLE


async def test_a_tool_that_is_left_open_does_not_hold_up_a_stop() -> None:
    async with served(prepare=reflecting) as it, it.channel() as channel:
        it.server.grace_s = 60
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        stream = stub.ServerReflectionInfo()
        await stream.write(Request(list_services=""))
        await stream.read()
        assert it.server.server is not None

        async with asyncio.timeout(10):
            await it.server._stop(it.server.server)

        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() == grpc.StatusCode.OK


async def test_a_client_that_leaves_its_stream_leaves_nothing_behind() -> None:
    async with served(prepare=reflecting) as it, it.channel() as channel:
        before = len(asyncio.all_tasks())
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        stream = stub.ServerReflectionInfo()
        await stream.write(Request(list_services=""))
        await stream.read()

        stream.cancel()

        for _ in range(100):
            await asyncio.sleep(0.02)
            if len(asyncio.all_tasks()) <= before:
                break
        assert len(asyncio.all_tasks()) <= before


async def test_without_the_library_reflection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc_reflection", None)
    server = DirectorGRPCServer(
        director_cls=FakeDirector, tls=False, listen_host="localhost", listen_port=0
    )
    server.reflection = True

    with pytest.raises(MissingExtraError, match=r"pip install 'squall\[reflection\]'"):
        async with server.serving():
            pytest.fail("it serves")
