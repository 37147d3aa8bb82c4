"""Messages on their way in one direction of a stream: each arrives when it is due, none overtakes.

Delays do not add up along the lane: what was sent together and delayed alike arrives together.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

import grpc

from simulator.network.api import Drop, Duplicate, Reject, Replace, Verdict

_ROOM = 16
"""How many messages may be on their way before the sender has to wait."""


@dataclass(frozen=True, slots=True)
class End:
    """The stream ends here; with an error, where its sender met one."""

    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule ends the whole call here."""

    code: grpc.StatusCode
    details: str


class Lane:
    """A queue whose messages become due."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[tuple[float, Any]] = deque()
        self._is_blocked = False
        """Whether a message was dropped: nothing after it arrives."""
        self._is_closed = False
        self._is_ended = False
        self._waiters: list[asyncio.Future[None]] = []

    async def send(self, body: Any, delay_s: float, verdict: Verdict) -> bool:
        """Put a message on its way, as the rules say; False once nothing more can follow."""
        due = self._loop.time() + delay_s
        match verdict:
            case Drop():
                self._is_blocked = True
            case Reject(code, details):
                await self._put(due, Broken(code, details))
                self._is_ended = True
            case Duplicate():
                await self._put(due, body)
                await self._put(due, body)
            case Replace(bodies, ends_stream):
                for one in bodies:
                    await self._put(due, one)
                if ends_stream:
                    await self.end()
            case _:
                await self._put(due, body)
        return not self._is_ended

    async def end(self, error: BaseException | None = None) -> None:
        """Let nothing follow."""
        if not self._is_ended:
            await self._put(self._loop.time(), End(error))
            self._is_ended = True

    async def _put(self, due: float, item: Any) -> None:
        while (len(self._items) >= _ROOM or self._is_blocked) and not self._is_closed:
            await self._changed()
        if not self._is_ended and not self._is_closed:
            self._items.append((due, item))
            self._wake()

    async def get(self) -> Any:
        """Return what comes next, once it is due: a message, `End` or `Broken`."""
        while not self._is_closed:
            if not self._items:
                await self._changed()
            elif (due := self._items[0][0]) > self._loop.time():
                timer = self._loop.call_at(due, self._wake)
                try:
                    await self._changed()
                finally:
                    timer.cancel()
            else:
                self._wake()
                return self._items.popleft()[1]
        return End()

    def close(self) -> None:
        """Let everybody go who waits here: the call is over."""
        self._is_closed = True
        self._items.clear()
        self._wake()

    async def _changed(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
