"""A network in memory with a server on it, and short words for calls."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio
import pytest

from simulator.network.memory import MemoryNetwork

Context = grpc.aio.ServicerContext[Any, Any]

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")


class House:
    """Handlers that tell what becomes of them."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def echo(self, request: bytes, _: Context) -> bytes:
        return request

    async def wait(self, _: bytes, __: Context) -> bytes:
        self.seen.append("began")
        try:
            await asyncio.sleep(3_600)
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        return b""

    async def stream(self, _: bytes, context: Context) -> AsyncIterator[bytes]:
        yield b"first"
        try:
            await asyncio.sleep(3_600)
        finally:
            try:
                await context.write(b"last words")
            except grpc.aio.BaseError as error:
                self.seen.append(str(error))

    async def whose(self, _: bytes, __: Context) -> bytes:
        return WHOSE.get().encode()


async def serve(network: MemoryNetwork, house: House) -> None:
    handlers: Any = {
        "echo": grpc.unary_unary_rpc_method_handler(house.echo),
        "wait": grpc.unary_unary_rpc_method_handler(house.wait),
        "whose": grpc.unary_unary_rpc_method_handler(house.whose),
        "stream": grpc.unary_stream_rpc_method_handler(house.stream),
    }
    network.server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("squall.Test", handlers),)
    )
    await network.server.start()


async def served(house: House, **options: Any) -> MemoryNetwork:
    network = MemoryNetwork(server_credentials=None, now=lambda: 0.0, **options)
    await serve(network, house)
    return network


def unary(channel: grpc.aio.Channel, name: str) -> Any:
    return channel.unary_unary(f"/squall.Test/{name}")


async def code_of(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()
