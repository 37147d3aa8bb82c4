"""Calls in memory that stream: responses, requests, or both."""

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from enum import Enum, auto
from typing import Any

import grpc
import grpc.aio
from typing_extensions import override

from simulator.network.memory_call import MemoryCall
from simulator.network.memory_ends import Metadata
from simulator.network.memory_flow import Inbox, Window
from simulator.network.memory_messages import read_by_client, written_by_client
from simulator.network.memory_unary import OneResponse
from simulator.network.shapes import StreamStreamCallBase, StreamUnaryCallBase, UnaryStreamCallBase

_log = logging.getLogger(__name__)

_MIXED = "The iterator and read/write APIs may not be mixed on a single RPC."

RequestIterable = AsyncIterable[Any] | Iterable[Any]


class _Style(Enum):
    ITERATOR = auto()
    READ_WRITE = auto()


# ---------------------------------------------------------------- responses


class ManyResponses(MemoryCall):
    """A call whose responses are iterated over, or read one by one."""

    _style: _Style | None = None
    _final: tuple[grpc.StatusCode, str] | None = None
    """The server's status, known to the client only once it has read all before it."""

    def prepare_responses(self) -> None:
        """Make room for what will come."""
        self._inbox = Inbox()
        self._down = Window()

    @property
    def down(self) -> Window:
        return self._down

    def on_message(self, message: bytes) -> None:
        if self._code is not None:
            return
        limit = self._channel.max_message_bytes
        if len(message) > limit:
            self._hang_up()
            sizes = f"({len(message)} vs. {limit})"
            details = f"CLIENT: Received message larger than max {sizes}"
            self._finish(grpc.StatusCode.RESOURCE_EXHAUSTED, details)
        else:
            self._inbox.put(message)

    @override
    def on_status(
        self, code: grpc.StatusCode, details: str, trailing: Metadata, message: bytes | None
    ) -> None:
        if self._code is not None:
            return
        self._trailing = trailing
        if self._inbox.is_empty:
            self._finish(code, details)
        else:
            self._final = (code, details)

    def _on_finished(self) -> None:
        super()._on_finished()
        self._inbox.discard()

    async def _next(self) -> Any:
        try:
            raw = await self._inbox.get()
        except asyncio.CancelledError:
            self.cancel()
            raise
        if raw is None:
            self._raise_for_status()
            return grpc.aio.EOF
        connection = self._connection
        assert connection is not None
        connection.towards.send(self._down.give, len(raw))
        if self._final is not None and self._inbox.is_empty:
            self._finish(*self._final)
        return read_by_client(self._method.deserialiser, raw)

    def _use(self, style: _Style) -> None:
        if self._style is None:
            self._style = style
        elif self._style is not style:
            raise grpc.aio.UsageError(_MIXED)

    async def read(self) -> Any:
        if self._code is not None:
            self._raise_for_status()
            return grpc.aio.EOF
        self._use(_Style.READ_WRITE)
        return await self._next()

    def __aiter__(self) -> AsyncIterator[Any]:
        self._use(_Style.ITERATOR)
        return _Responses(self)

    async def wait_for_connection(self) -> None:
        await self.initial_metadata()
        self._raise_for_status()


class _Responses:
    """An iterator that, unlike a generator, has nothing to be closed."""

    def __init__(self, call: ManyResponses) -> None:
        self._call = call

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        response = await self._call._next()  # noqa: SLF001 - a part of the call
        if response is grpc.aio.EOF:
            raise StopAsyncIteration
        return response


# ---------------------------------------------------------------- requests


class ManyRequests(MemoryCall):
    """A call whose requests are taken from an iterator, or written one by one."""

    _feeder: asyncio.Task[None] | None = None
    _is_half_closed = False

    def prepare_requests(self) -> None:
        """Make room for what will be sent."""
        self._up = Window()

    def feed(self, requests: RequestIterable | None) -> None:
        """Start taking requests from the iterator, where there is one."""
        if requests is not None and self._code is None:
            self._feeder = self._loop.create_task(
                self._feed(requests), name=f"requests of {self.method}"
            )

    @property
    def up(self) -> Window:
        return self._up

    def _on_finished(self) -> None:
        super()._on_finished()
        self._up.close()
        if self._feeder is not None and self._feeder is not asyncio.current_task():
            self._feeder.cancel()

    async def _feed(self, requests: RequestIterable) -> None:
        try:
            if isinstance(requests, AsyncIterable):
                async for request in requests:
                    await self._write(request)
            else:
                for request in requests:
                    await self._write(request)
            self._half_close()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The call has ended meanwhile; whoever awaits it learns why.
            return
        except Exception:  # noqa: BLE001 - whatever the client's iterator raises
            _log.debug("the requests of %s broke", self.method, exc_info=True)
            self.cancel()
        finally:
            close = getattr(requests, "aclose", None)
            if close is not None:
                await close()

    async def _write(self, request: Any) -> None:
        self._raise_if_closed()
        while self._connection is None:
            await self._changed()
            if self._code is not None:
                self._raise_for_status()
        raw = written_by_client(self._method.serialiser, request)
        try:
            await self._up.take(len(raw))
        except asyncio.CancelledError:
            self.cancel()
            raise
        if self._code is not None:
            self._raise_for_status()
            raise grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, details="Internal error from Core")
        self._connection.towards.send(self._deliver, raw)

    def _raise_if_closed(self) -> None:
        if self._code is not None:
            raise asyncio.InvalidStateError("RPC already finished.")
        if self._is_half_closed:
            raise asyncio.InvalidStateError('RPC is half closed after calling "done_writing".')

    def _deliver(self, raw: bytes) -> None:
        """At the server: a request is here."""
        far, connection = self.far, self._connection
        if far is not None and connection is not None and connection.server is not None:
            connection.server.receive(far, raw)

    def _half_close(self) -> None:
        if self._code is None and not self._is_half_closed:
            self._is_half_closed = True
            assert self._connection is not None
            self._connection.towards.send(self._end_requests)

    def _end_requests(self) -> None:
        """At the server: no request will follow."""
        if self.far is not None and self.far.inbox is not None:
            self.far.inbox.end()

    def _raise_if_fed(self) -> None:
        if self._feeder is not None:
            raise grpc.aio.UsageError(_MIXED)

    async def write(self, request: Any) -> None:
        self._raise_if_fed()
        await self._write(request)

    async def done_writing(self) -> None:
        self._raise_if_fed()
        while self._connection is None and self._code is None:
            await self._changed()
        self._half_close()


# ---------------------------------------------------------------- the kinds


class UnaryStreamCall(ManyResponses, UnaryStreamCallBase):
    """One request, many responses."""


class StreamUnaryCall(ManyRequests, OneResponse, StreamUnaryCallBase):
    """Many requests, one response."""

    async def wait_for_connection(self) -> None:
        await MemoryCall.wait_for_connection(self)


class StreamStreamCall(ManyRequests, ManyResponses, StreamStreamCallBase):
    """Many requests, many responses, in any order."""

    async def wait_for_connection(self) -> None:
        await MemoryCall.wait_for_connection(self)
