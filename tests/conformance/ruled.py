"""Handlers for rules to work on, and short words for rules and calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Any

import grpc
import grpc.aio

from simulator.network.api import PASS, Direction, Message, Reject, Verdict
from tests.conformance.worlds import Served

Context = grpc.aio.ServicerContext[Any, Any]

UNAVAILABLE = Reject(grpc.StatusCode.UNAVAILABLE, "lost")


class House:
    """Handlers of all kinds that tell what becomes of them."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def echo(self, request: bytes, _: Context) -> bytes:
        self.seen.append(f"echo {request!r}")
        return request

    async def wait(self, _: bytes, __: Context) -> bytes:
        self.seen.append("wait")
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        return b""

    async def count(self, request: bytes, _: Context) -> AsyncIterator[bytes]:
        try:
            for number in range(int(request)):
                yield b"%d" % number
                await asyncio.sleep(0)
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        self.seen.append("counted")

    async def receive(self, requests: AsyncIterator[bytes], _: Context) -> bytes:
        try:
            got = [request async for request in requests]
            self.seen.append("received")
            await asyncio.sleep(0.05)
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        return b" ".join(got)

    async def chat(self, requests: AsyncIterator[bytes], _: Context) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    @property
    def handlers(self) -> dict[str, Any]:
        return {
            "echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "wait": grpc.unary_unary_rpc_method_handler(self.wait),
            "count": grpc.unary_stream_rpc_method_handler(self.count),
            "receive": grpc.stream_unary_rpc_method_handler(self.receive),
            "chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }


def on(
    served: Served, direction: Direction, verdict: Verdict, *, index: int | None = None
) -> AbstractContextManager[None]:
    """Let a verdict befall the messages of a direction, all of them or the one of that index."""

    def rule(message: Message) -> Verdict:
        hit = message.direction is direction and index in {None, message.index}
        return verdict if hit else PASS

    return served.network.rules.applied(rule)


async def sent(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"%d" % number
