"""Messages that are too large for one of the sides."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.worlds import Handlers, World, all_of, download, settle, unary, until, upload

Context = grpc.aio.ServicerContext[Any, Any]


async def echo(request: bytes, _: Context) -> bytes:
    return request


async def repeat(request: bytes, _: Context) -> AsyncIterator[bytes]:
    yield b"small"
    yield request


ECHO: Handlers = {
    "echo": grpc.unary_unary_rpc_method_handler(echo),
    "repeat": grpc.unary_stream_rpc_method_handler(repeat),
}


async def test_a_message_of_exactly_the_limit_passes(world: World) -> None:
    async with world.serving(ECHO, server_limit=10_000, client_limit=10_000) as served:
        channel = served.connect("ann")

        assert len(await unary(channel, "echo")(bytes(10_000))) == 10_000


async def test_a_request_over_the_limit_never_reaches_the_handler(world: World) -> None:
    reached: list[bytes] = []

    async def reach(request: bytes, _: Context) -> bytes:
        reached.append(request)
        return request

    handlers: Handlers = {"it": grpc.unary_unary_rpc_method_handler(reach)}
    async with world.serving(handlers, server_limit=10_000) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "it")(bytes(10_001))

        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "10001 vs. 10000" in (caught.value.details() or "")
        assert await unary(channel, "it")(b"small") == b"small"
        assert reached == [b"small"]


async def test_a_response_over_the_limit_is_refused_by_the_client(world: World) -> None:
    async with world.serving(ECHO, client_limit=10_000) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "echo")(bytes(10_001))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(download(channel, "repeat")(bytes(10_001)))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_streamed_request_over_the_limit_ends_the_upload(world: World) -> None:
    seen: list[str] = []

    async def receive(requests: AsyncIterator[bytes], _: Context) -> bytes:
        try:
            seen.extend([f"request of {len(request)}" async for request in requests])
            seen.append("end of requests")
            await until(lambda: False)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise
        return b""

    handlers: Handlers = {"it": grpc.stream_unary_rpc_method_handler(receive)}
    async with world.serving(handlers, server_limit=10_000) as served:
        channel = served.connect("ann")
        call = upload(channel, "it")()
        await call.write(b"small")
        await settle()

        await call.write(bytes(10_001))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call

        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await until(lambda: seen == ["request of 5", "end of requests", "CancelledError"])
