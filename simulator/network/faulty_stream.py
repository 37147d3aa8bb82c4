"""Judged calls that stream: responses, requests, or both."""

import asyncio
from collections.abc import AsyncIterator
from enum import Enum, auto
from typing import Any

import grpc
import grpc.aio
from typing_extensions import override

from simulator.network.faulty_call import FaultyCall
from simulator.network.faulty_lane import Broken, End, Lane
from simulator.network.faulty_requests import Outgoing, RequestIterable
from simulator.network.faulty_unary import OneResponse
from simulator.network.shapes import StreamStreamCallBase, StreamUnaryCallBase, UnaryStreamCallBase

_MIXED = "The iterator and read/write APIs may not be mixed on a single RPC."


class _Style(Enum):
    ITERATOR = auto()
    READ_WRITE = auto()


class ManyResponses(FaultyCall):
    """A call whose responses are read straight from the real call until there are rules.

    From then on a task reads them as they arrive, so that they are judged and delayed then.
    """

    _style: _Style | None = None
    _lane: Lane | None = None
    _pump: asyncio.Task[None] | None = None
    _is_reading = False

    @override
    def _on_end(self) -> None:
        super()._on_end()
        if self._lane is not None:
            self._lane.close()
        if self._pump is not None and self._pump is not asyncio.current_task():
            self._pump.cancel()

    def _ensure_driven(self) -> None:
        # Whoever is reading already drives it.
        if self._code is None and self._lane is None and not self._is_reading:
            self._start_pump(())

    def _start_pump(self, first: tuple[Any, ...]) -> Lane:
        self._lane = lane = Lane()
        self._pump = self._loop.create_task(
            self._read_on(lane, first), name=f"responses of {self._judge.method}"
        )
        return lane

    async def _read_on(self, lane: Lane, first: tuple[Any, ...]) -> None:
        """Judge what arrives, until the end; where that is an error, hand it on in its turn."""
        self._watch_deadline()
        try:
            await self._launched()
            for response in first:
                await self._pass_on(lane, response)
            while (response := await self._inner.read()) is not grpc.aio.EOF:
                if not await self._pass_on(lane, response):
                    return
            await lane.end()
        except asyncio.CancelledError:
            self.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed on to whoever reads
            await lane.end(error)

    async def _pass_on(self, lane: Lane, response: Any) -> bool:
        return await lane.send(response, *self._judge.response(response))

    async def _next(self) -> Any:
        try:
            if self._lane is None:
                await self._launched()
                if self._code is None:
                    return await self._read_directly()
            if self._code is None:
                return await self._read_from(self._lane or self._start_pump(()))
        except asyncio.CancelledError:
            if self._is_to_be_cancelled():
                raise
        self._raise_error()
        return grpc.aio.EOF

    async def _read_directly(self) -> Any:
        self._is_reading = True
        try:
            response = await self._inner.read()
        except Exception as error:
            self._end_as(error)
            raise
        finally:
            self._is_reading = False
        if response is grpc.aio.EOF:
            self._end(grpc.StatusCode.OK, "", None)
        elif self._judge.rules.is_empty:
            self._judge.skip_response()
        else:
            return await self._read_from(self._start_pump((response,)))
        return response

    async def _read_from(self, lane: Lane) -> Any:
        item = await lane.get()
        match item:
            case Broken(code, details):
                self._fail(code, details)
            case End(None):
                self._end(grpc.StatusCode.OK, "", None)
                # The server may have more to say, where a rule ended the stream.
                self._inner.cancel()
            case End(error):
                assert error is not None
                self._end_as(error)
            case _:
                return item
        self._raise_error()
        return grpc.aio.EOF

    async def read(self) -> Any:
        if self._code is None:
            self._use(_Style.READ_WRITE)
            return await self._next()
        self._raise_error()
        return grpc.aio.EOF

    def __aiter__(self) -> AsyncIterator[Any]:
        self._use(_Style.ITERATOR)
        return _Responses(self)

    def _use(self, style: _Style) -> None:
        if self._style is None:
            self._style = style
        elif self._style is not style:
            raise grpc.aio.UsageError(_MIXED)


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


class ManyRequests(FaultyCall):
    """A call whose requests are taken from an iterator, or written one by one."""

    _is_half_closed = False

    def begin(self, requests: RequestIterable | None) -> None:
        """Make the real call at once; what it takes its requests from is ours."""
        self._outgoing = Outgoing(self._judge, requests, self._fail)
        self._is_fed = requests is not None
        self._launch(self._outgoing)

    @override
    def _repeat(self) -> None:
        """Do nothing: what was streamed is gone, and cannot be sent again."""

    @override
    def _on_end(self) -> None:
        super()._on_end()
        self._outgoing.stop()

    async def write(self, request: Any) -> None:
        self._raise_if_fed()
        if self._code is not None:
            raise asyncio.InvalidStateError("RPC already finished.")
        if self._is_half_closed:
            raise asyncio.InvalidStateError('RPC is half closed after calling "done_writing".')
        try:
            await self._outgoing.write(request)
        except asyncio.CancelledError:
            self.cancel()
            raise
        self._raise_error()

    async def done_writing(self) -> None:
        self._raise_if_fed()
        if self._code is None and not self._is_half_closed:
            self._is_half_closed = True
            await self._outgoing.end()

    def _raise_if_fed(self) -> None:
        if self._is_fed:
            raise grpc.aio.UsageError(_MIXED)


# ---------------------------------------------------------------- the kinds


class UnaryStreamCall(ManyResponses, UnaryStreamCallBase):
    """One request, many responses."""


class StreamUnaryCall(ManyRequests, OneResponse, StreamUnaryCallBase):
    """Many requests, one response."""


class StreamStreamCall(ManyRequests, ManyResponses, StreamStreamCallBase):
    """Many requests, many responses, in any order."""
