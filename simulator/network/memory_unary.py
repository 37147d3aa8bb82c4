"""Calls in memory that have one response."""

import asyncio
from collections.abc import Generator
from typing import Any

import grpc
import grpc.aio

from simulator.network.memory_call import MemoryCall
from simulator.network.memory_ends import Metadata
from simulator.network.memory_messages import read_by_client
from simulator.network.shapes import UnaryUnaryCallBase


class OneResponse(MemoryCall):
    """A call that is awaited for its one response."""

    _raw: bytes | None = None
    _response: Any = None
    _answered: asyncio.Future[None] | None = None

    def on_status(
        self, code: grpc.StatusCode, details: str, trailing: Metadata, message: bytes | None
    ) -> None:
        if self._code is not None:
            return
        limit = self._channel.max_message_bytes
        if message is not None and len(message) > limit:
            sizes = f"({len(message)} vs. {limit})"
            details = f"CLIENT: Received message larger than max {sizes}"
            self._finish(grpc.StatusCode.RESOURCE_EXHAUSTED, details)
            return
        self._raw = message
        self._trailing = trailing
        self._finish(code, details)

    def _on_finished(self) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def __await__(self) -> Generator[Any, None, Any]:
        if self._code is None:
            if self._answered is None:
                self._answered = self._loop.create_future()
            try:
                yield from self._answered
            except asyncio.CancelledError:
                self.cancel()
                raise
        return self._take()

    def _take(self) -> Any:
        if self._code is not grpc.StatusCode.OK:
            self._raise_for_status()
        raw, self._raw = self._raw, None
        if raw is not None:
            self._response = read_by_client(self._method.deserialiser, raw)
        return self._response

    async def wait_for_connection(self) -> None:
        await self._ended()
        self._raise_for_status()


class UnaryUnaryCall(OneResponse, UnaryUnaryCallBase):
    """One request, one response."""
