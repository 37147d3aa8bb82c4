"""Handlers to call over a link, and short words for calls."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.worlds import Served, unary

Context = grpc.aio.ServicerContext[Any, Any]


class House:
    """Handlers that wait to be told to go on, and tell what becomes of them."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.got: list[bytes] = []
        self.go_on = asyncio.Event()

    async def echo(self, request: bytes, _: Context) -> bytes:
        self.seen.append("echo")
        return request

    async def wait(self, request: bytes, _: Context) -> bytes:
        self.seen.append("wait began")
        try:
            await self.go_on.wait()
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        self.seen.append("wait ended")
        return request

    async def count(self, request: bytes, _: Context) -> AsyncIterator[bytes]:
        for number in range(int(request)):
            yield b"%d" % number
            await asyncio.sleep(0.02)
        self.seen.append("count ended")

    async def receive(self, requests: AsyncIterator[bytes], _: Context) -> bytes:
        async for request in requests:
            self.got.append(request)
        self.seen.append("receive ended")
        await self.go_on.wait()
        return b"%d" % len(self.got)

    @property
    def handlers(self) -> dict[str, Any]:
        return {
            "echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "wait": grpc.unary_unary_rpc_method_handler(self.wait),
            "count": grpc.unary_stream_rpc_method_handler(self.count),
            "receive": grpc.stream_unary_rpc_method_handler(self.receive),
        }


async def connected(served: Served, actor: str = "ann") -> grpc.aio.Channel:
    """Return a channel that has its connection."""
    channel = served.connect(actor, credentials=None)
    await unary(channel, "echo")(b"", wait_for_ready=True, timeout=10)
    return channel


async def code_of(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()


async def rest_of(call: Any) -> list[bytes]:
    responses = []
    while (response := await call.read()) is not grpc.aio.EOF:
        responses.append(response)
    return responses
