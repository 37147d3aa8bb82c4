"""A channel between stubs and a real channel, on which every message is put before the rules.

The same in both worlds. Without rules, a message costs little more than on the real channel.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio

from simulator.network import calls
from simulator.network.api import RuleBook
from simulator.network.faulty_judge import Judge
from simulator.network.faulty_methods import StreamStream, StreamUnary, UnaryStream, UnaryUnary
from simulator.network.shapes import UnaryStreamCallBase


class FaultyChannel(grpc.aio.Channel):
    """Judges the messages of one actor; error statuses are no messages and pass unjudged."""

    def __init__(
        self,
        inner: grpc.aio.Channel,
        actor: str,
        rules: RuleBook,
        *,
        on_closed: Callable[["FaultyChannel"], object] | None = None,
    ) -> None:
        self.inner = inner
        self._actor = actor
        self._rules = rules
        self._calls: dict[grpc.aio.Call, None] = {}
        self._strays: dict[Any, None] = {}
        """Second calls that a duplication made, and the tasks that read their responses."""
        self._is_closed = False
        self._on_closed = on_closed

    def __repr__(self) -> str:
        return f"<FaultyChannel of {self._actor}, {self.open_calls} calls, on {self.inner!r}>"

    @property
    def open_calls(self) -> int:
        """How many calls are under way."""
        return len(self._calls) + len(self._strays)

    # ------------------------------------------------------------ for calls

    def judge(self, method: str) -> Judge:
        """Return the judge of the call that is about to be made."""
        return Judge(self._rules, self._actor, method, calls.current.get())

    def take(self, call: grpc.aio.Call) -> None:
        """Count a call among those under way."""
        if self._is_closed:
            raise grpc.aio.UsageError("Channel is closed.")
        self._calls[call] = None

    def forget(self, call: grpc.aio.Call) -> None:
        """Let go of a call that is over."""
        self._calls.pop(call, None)

    def adopt(self, stray: Any) -> None:
        """See a call through to its end that nobody awaits."""
        if isinstance(stray, grpc.aio.UnaryStreamCall):
            # Somebody has to read it, or the server would be kept waiting.
            stray = asyncio.get_running_loop().create_task(_drain(stray), name="a second call")
        self._strays[stray] = None
        stray.add_done_callback(lambda ended: self._strays.pop(ended, None))

    # ------------------------------------------------------------ as grpc.aio.Channel

    async def close(self, grace: float | None = None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if grace and self._calls:
            loop = asyncio.get_running_loop()
            ends = [loop.create_task(call.code()) for call in self._calls]
            await asyncio.wait(ends, timeout=grace)
        for call in (*self._calls, *self._strays):
            call.cancel()
        await self.inner.close()
        if self._on_closed is not None:
            self._on_closed(self)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002
        return self.inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self.inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self.inner.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    def unary_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's
    ) -> UnaryUnary:
        return UnaryUnary(self, method, request_serializer, response_deserializer)

    def unary_stream(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's
    ) -> UnaryStream:
        return UnaryStream(self, method, request_serializer, response_deserializer)

    def stream_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's
    ) -> StreamUnary:
        return StreamUnary(self, method, request_serializer, response_deserializer)

    def stream_stream(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,  # noqa: FBT001, FBT002 - gRPC's
    ) -> StreamStream:
        return StreamStream(self, method, request_serializer, response_deserializer)


async def _drain(call: UnaryStreamCallBase) -> None:
    try:
        while await call.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError:
        return
    finally:
        call.cancel()
