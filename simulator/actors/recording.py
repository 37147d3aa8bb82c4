"""One actor's calls, each with its two entries in the history.

What a call asks and answers is `client.py`'s to know; here it only begins and ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

import grpc
import grpc.aio

from simulator.history.entry import JsonObject, Kind
from simulator.network import calls
from simulator.network.api import Gate
from simulator.world import World

_REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)
"""The codes by which a server says that nothing happened; any other leaves it open."""

Answer = TypeVar("Answer")
Part = TypeVar("Part")


class StreamedAnswer(Protocol):
    """What a stub returns for a call that is answered in parts."""

    async def read(self) -> object:
        """Return the next part, or EOF."""

    def cancel(self) -> object:
        """Hang up."""


class CallError(Exception):
    """A call that brought no answer."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details

    @property
    def is_refusal(self) -> bool:
        """Whether it certainly did not happen."""
        return self.code in _REFUSALS


def _nothing() -> JsonObject:
    return {}


@dataclass(slots=True)
class Recording:
    """Writes an actor's calls down while it makes them."""

    world: World
    actor: str
    identity: str
    """Under which the calls are made: common name or client id, "" where there is none."""
    gate: Gate = field(default_factory=Gate)
    """Shut while the actor is paused: it neither sends nor reads."""
    _open: dict[int, Callable[[], JsonObject]] = field(default_factory=dict)

    async def unary(
        self,
        topic: str,
        value: JsonObject,
        call: Callable[[], Awaitable[Answer]],
        tell: Callable[[Answer], JsonObject],
    ) -> Answer:
        """Make a call that has one answer.

        Raises:
            CallError: it brought none.
        """
        number = await self._begin(topic, value, _nothing)
        try:
            answer = await self._numbered(number, call)
            await self.gate.passed()
        except (grpc.aio.AioRpcError, asyncio.CancelledError) as error:
            raise await self._failed(number, error) from None
        self._complete(number, Kind.OK, tell(answer))
        return answer

    async def stream(
        self,
        topic: str,
        value: JsonObject,
        call: Callable[[], StreamedAnswer],
        *,
        take: Callable[[int, Part], bool],
        tell: Callable[[], JsonObject],
        tell_part: Callable[[], JsonObject],
    ) -> None:
        """Make a call that is answered in parts, until `take` has had enough or there are no more.

        `take` is given the call's number and a part; False from it hangs up.

        Raises:
            CallError: it broke, or was hung up (CANCELLED); `tell_part` says what had come.
        """
        number = await self._begin(topic, value, tell_part)
        try:
            parts = self._numbered(number, call)
            # By `read`, not by `async for`: that makes generators which end when nobody expects it.
            while (part := await parts.read()) is not grpc.aio.EOF:
                await self.gate.passed()
                if not take(number, cast("Part", part)):
                    parts.cancel()
                    raise await self._failed(number, asyncio.CancelledError())
            await self.gate.passed()
        except (grpc.aio.AioRpcError, asyncio.CancelledError) as error:
            raise await self._failed(number, error) from None
        self._complete(number, Kind.OK, tell())

    def abandon(self, code: str, details: str) -> None:
        """Close every open call: its caller is no more, and nobody will ever know."""
        for number in tuple(self._open):
            self._complete(number, Kind.INFO, {**self._open[number](), **_error(code, details)})

    # ------------------------------------------------------------ beginning and ending

    async def _begin(self, topic: str, value: JsonObject, partial: Callable[[], JsonObject]) -> int:
        await self.gate.passed()
        connection = self.world.network.link(self.actor).connection
        number = self.world.record.invoke(
            self.actor, topic, {"as": self.identity, "connection": connection, **value}
        )
        self._open[number] = partial
        return number

    @staticmethod
    def _numbered(number: int, call: Callable[[], Answer]) -> Answer:
        token = calls.current.set(number)
        try:
            return call()
        finally:
            calls.current.reset(token)

    async def _failed(self, number: int, error: BaseException) -> BaseException:
        """Return what to raise: CancelledError where the actor itself ends, else a CallError."""
        if _is_being_cancelled():
            return asyncio.CancelledError()
        if isinstance(error, grpc.aio.AioRpcError):
            failure = CallError(error.code(), error.details() or "")
        else:
            failure = CallError(grpc.StatusCode.CANCELLED, "the caller hung up")
        # Who is paused does not notice that a call has ended, well or badly.
        await self.gate.passed()
        kind = Kind.FAIL if failure.is_refusal else Kind.INFO
        partial = self._open[number]()
        self._complete(number, kind, {**partial, **_error(failure.code.name, failure.details)})
        return failure

    def _complete(self, number: int, kind: Kind, value: JsonObject) -> None:
        del self._open[number]
        self.world.record.complete(number, kind, value)


def _error(code: str, details: str) -> JsonObject:
    return {"code": code, "details": details}


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
