"""A handler to upload to, and requests that are sent to it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

Handler = grpc.stream_unary_rpc_method_handler
Context = grpc.aio.ServicerContext[Any, Any]


class Receiving:
    """A handler that takes an upload, and tells what becomes of it."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.got: list[bytes] = []
        self.seen: list[str] = []
        self._pause_s = pause_s

    async def receive(self, requests: AsyncIterator[bytes], _: Context) -> bytes:
        try:
            async for request in requests:
                self.got.append(request)
                if self._pause_s:
                    await asyncio.sleep(self._pause_s)
            self.seen.append("end of requests")
            await asyncio.sleep(0.1)
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        self.seen.append("finished")
        return b"%d" % len(self.got)

    @property
    def handlers(self) -> dict[str, Any]:
        return {"receive": Handler(self.receive)}


async def numbers(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"%d" % number
        await asyncio.sleep(0)


async def endless(closed: list[str], pause_s: float) -> AsyncIterator[bytes]:
    try:
        while True:
            yield b"more"
            await asyncio.sleep(pause_s)
    except BaseException as error:
        closed.append(type(error).__name__)
        raise
