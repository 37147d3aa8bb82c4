"""A gRPC channel in memory, for generated stubs."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio

from simulator.network.memory_call import MemoryCall, Method
from simulator.network.memory_ends import ConnectionEnd
from simulator.network.memory_link import Connection
from simulator.network.memory_methods import StreamStream, StreamUnary, UnaryStream, UnaryUnary

_RECONNECT_S = 0.1

State = grpc.ChannelConnectivity


class MemoryChannel(grpc.aio.Channel):
    """Connects when it is first used, and again whenever its connection is gone."""

    def __init__(self, connect: Callable[[], Connection], *, max_message_bytes: int) -> None:
        self._connect = connect
        self.max_message_bytes = max_message_bytes
        self._connection: Connection | None = None
        self._calls: dict[MemoryCall, None] = {}
        self._is_closed = False
        self._watchers: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        return f"<MemoryChannel {self.get_state().name.lower()}, {len(self._calls)} calls>"

    # ------------------------------------------------------------ for calls

    def carry(self, call: MemoryCall) -> None:
        """Send a call over a connection that takes it."""
        self._calls[call] = None
        self._usable_connection().carry(call)

    def forget(self, call: MemoryCall, connection: ConnectionEnd | None) -> None:
        """Let go of a call that is over."""
        self._calls.pop(call, None)
        if connection is not None:
            connection.calls.pop(call, None)

    def raise_if_closed(self) -> None:
        """Raises UsageError where no call can be made any more."""
        if self._is_closed:
            raise grpc.aio.UsageError("Channel is closed.")

    def _usable_connection(self) -> Connection:
        connection = self._connection
        if connection is None or not connection.is_usable:
            connection = self._connection = self._connect()
            connection.on_change = self._on_change
            self._on_change()
        return connection

    def _on_change(self) -> None:
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            if not watcher.done():
                watcher.set_result(None)

    # ------------------------------------------------------------ as grpc.aio.Channel

    async def close(self, grace: float | None = None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if grace:
            loop = asyncio.get_running_loop()
            ends = [loop.create_task(call.code()) for call in self._calls]
            if ends:
                await asyncio.wait(ends, timeout=grace)
        for call in tuple(self._calls):
            call.cancel()
        if self._connection is not None:
            self._connection.close()
        self._on_change()

    def get_state(self, try_to_connect: bool = False) -> State:  # noqa: FBT001, FBT002 - gRPC's
        if self._is_closed:
            return State.SHUTDOWN
        if try_to_connect:
            self._usable_connection()
        connection = self._connection
        if connection is None:
            return State.IDLE
        if connection.is_usable:
            return State.READY if connection.is_established else State.CONNECTING
        return State.TRANSIENT_FAILURE if connection.was_refused else State.IDLE

    async def wait_for_state_change(self, last_observed_state: State) -> None:
        while self.get_state() is last_observed_state:
            watcher = asyncio.get_running_loop().create_future()
            self._watchers.append(watcher)
            await watcher

    async def channel_ready(self) -> None:
        while (state := self.get_state(try_to_connect=True)) is not State.READY:
            if state is State.CONNECTING:
                await self.wait_for_state_change(state)
            else:
                self.raise_if_closed()
                await asyncio.sleep(_RECONNECT_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    def _method(self, name: str, serialiser: Any, deserialiser: Any) -> Method:
        return Method(channel=self, name=name, serialiser=serialiser, deserialiser=deserialiser)

    def unary_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's
    ) -> UnaryUnary:
        return UnaryUnary(self._method(method, request_serializer, response_deserializer))

    def unary_stream(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's
    ) -> UnaryStream:
        return UnaryStream(self._method(method, request_serializer, response_deserializer))

    def stream_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's
    ) -> StreamUnary:
        return StreamUnary(self._method(method, request_serializer, response_deserializer))

    def stream_stream(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's
    ) -> StreamStream:
        return StreamStream(self._method(method, request_serializer, response_deserializer))
