"""The client's end of a call in memory: what all four kinds have in common.

A call is sent when it is made, and its end is known here only once that has come through the pipe.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio

from simulator.network.memory_ends import ConnectionEnd, Metadata, ServerEnd
from simulator.network.memory_flow import Window

_CANCELLED = "Locally cancelled by application!"
_RECONNECT_S = 1.0
"""After so long, a call that waits for a server tries again."""


class Channel(Protocol):
    """What a call needs of its channel."""

    max_message_bytes: int

    def carry(self, call: "MemoryCall") -> None:
        """Send a call over a connection that takes it."""

    def forget(self, call: "MemoryCall", connection: ConnectionEnd | None) -> None:
        """Let go of a call that is over."""

    def raise_if_closed(self) -> None:
        """Raises UsageError where no call can be made any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What a stub knows of one RPC."""

    channel: Channel
    name: str
    serialiser: Callable[[Any], bytes] | None
    deserialiser: Callable[[bytes], Any] | None


class MemoryCall(grpc.aio.Call):
    """A call that was made, until its end has come back."""

    # What most calls never touch costs nothing to set up.
    request: bytes | None = None
    far: ServerEnd | None = None
    _connection: ConnectionEnd | None = None
    _code: grpc.StatusCode | None = None
    _details = ""
    _initial: Metadata | None = None
    _trailing: Metadata = ()
    _timer: asyncio.TimerHandle | None = None
    _is_locally_cancelled = False
    _local_error: Exception | None = None
    """Instead of a status, where gRPC would not even have taken the call."""
    _callbacks: tuple[Callable[[Any], None], ...] = ()
    _waiters: tuple[asyncio.Future[None], ...] = ()
    """Whoever waits for the end, the headers or the connection; each looks again when woken."""

    def __init__(self, method: Method, metadata: Metadata, timeout: float | None) -> None:
        self._channel = method.channel
        self._method = method
        self.method = method.name
        self.metadata = metadata
        self._loop = asyncio.get_running_loop()
        self.deadline = None if timeout is None else self._loop.time() + timeout

    def __repr__(self) -> str:
        state = "pending" if self._code is None else f"{self._code.name} {self._details!r}"
        return f"<{type(self).__name__} {self.method} {state}>"

    @property
    def up(self) -> Window:
        """What may still be sent; only streams ask."""
        raise NotImplementedError

    @property
    def down(self) -> Window:
        """What may still be received; only streams ask."""
        raise NotImplementedError

    # ------------------------------------------------------------ beginning

    def begin(self, *, wait_for_ready: bool = False) -> None:
        """Send the call, as soon as there is a connection."""
        self._wait_for_ready = wait_for_ready
        if self.deadline is not None:
            if self.deadline <= self._loop.time():
                self._finish(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
                return
            self._timer = self._loop.call_at(self.deadline, self._on_deadline)
        self._channel.carry(self)

    def on_connected(self, connection: ConnectionEnd) -> None:
        if self._code is not None:
            return  # it ended before it could be sent, and never will be
        self._connection = connection
        connection.towards.send(self._arrive)
        self._wake()

    def on_unreachable(self, why: str) -> None:
        if self._code is not None:
            return
        if self._wait_for_ready:
            self._loop.call_later(_RECONNECT_S, self._retry)
        else:
            self._finish(grpc.StatusCode.UNAVAILABLE, why)

    def _retry(self) -> None:
        if self._code is None:
            self._channel.carry(self)

    def _arrive(self) -> None:
        """At the server: the call is here."""
        connection = self._connection
        assert connection is not None
        if connection.server is not None:
            connection.server.accept(connection, self)

    # ------------------------------------------------------------ what comes back

    def on_initial_metadata(self, metadata: Metadata) -> None:
        if self._code is None:
            self._initial = metadata
            self._wake()

    def on_message(self, message: bytes) -> None:
        """A message of a streamed response arrives."""
        raise NotImplementedError

    def on_status(
        self, code: grpc.StatusCode, details: str, trailing: Metadata, message: bytes | None
    ) -> None:
        """The end arrives."""
        raise NotImplementedError

    def on_lost(self, why: str) -> None:
        self._finish(grpc.StatusCode.UNAVAILABLE, why)

    def _on_deadline(self) -> None:
        far = self.far
        if far is not None:
            # The server keeps the deadline too, and needs nobody to tell it.
            far.on_peer_gone()
        self._hang_up()
        self._finish(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    # ------------------------------------------------------------ the end

    def _hang_up(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.towards.send(self._leave)

    def _leave(self) -> None:
        """At the server: the client has gone."""
        far, self.far = self.far, None
        if far is not None:
            far.on_peer_gone()

    def _finish(self, code: grpc.StatusCode, details: str) -> None:
        if self._code is not None:
            return
        self._code = code
        self._details = details
        if self._timer is not None:
            self._timer.cancel()
        self._channel.forget(self, self._connection)
        self._on_finished()
        self._wake()
        callbacks, self._callbacks = self._callbacks, ()
        for callback in callbacks:
            callback(self)

    def _on_finished(self) -> None:
        """For subclasses: let go of what only a call under way needs."""

    def refuse(self, error: Exception | None) -> None:
        """End a call whose metadata gRPC would not send; who awaits it gets the error, if any."""
        self._local_error = error
        self._finish(grpc.StatusCode.INTERNAL, "Invalid metadata")

    def _raise_for_status(self) -> None:
        if self._is_locally_cancelled:
            raise asyncio.CancelledError
        if self._local_error is not None:
            raise self._local_error
        if self._code is not None and self._code is not grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(
                self._code,
                grpc.aio.Metadata(*(self._initial or ())),
                grpc.aio.Metadata(*self._trailing),
                self._details,
                f"{self._method.name}: {self._details}",
            )

    # ------------------------------------------------------------ waiting

    def _wake(self) -> None:
        if self._waiters:
            waiters, self._waiters = self._waiters, ()
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def _changed(self) -> None:
        waiter = self._loop.create_future()
        self._waiters = (*self._waiters, waiter)
        await waiter

    async def _ended(self) -> None:
        while self._code is None:
            await self._changed()

    # ------------------------------------------------------------ as grpc.aio.Call

    def cancel(self) -> bool:
        if self._code is not None:
            return False
        self._is_locally_cancelled = True
        self._hang_up()
        self._finish(grpc.StatusCode.CANCELLED, _CANCELLED)
        return True

    def cancelled(self) -> bool:
        return self._code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._code is not None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        if self._code is not None:
            callback(self)
        else:
            self._callbacks = (*self._callbacks, callback)

    def time_remaining(self) -> float | None:
        return None if self.deadline is None else max(0.0, self.deadline - self._loop.time())

    async def initial_metadata(self) -> grpc.aio.Metadata:
        while self._initial is None and self._code is None:
            await self._changed()
        return grpc.aio.Metadata(*(self._initial or ()))

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        await self._ended()
        return grpc.aio.Metadata(*self._trailing)

    async def code(self) -> grpc.StatusCode:
        await self._ended()
        assert self._code is not None
        return self._code

    async def details(self) -> str:
        await self._ended()
        return self._details

    async def debug_error_string(self) -> str:
        await self._ended()
        return "" if self._code is grpc.StatusCode.OK else f"{self.method}: {self._details}"

    async def wait_for_connection(self) -> None:
        while self._connection is None and self._code is None:
            await self._changed()
        self._raise_for_status()
