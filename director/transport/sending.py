"""Streams of answers to clients that may not take them: those are let go of after a while.

Whatever waits to be taken is held in memory: here, and once more by gRPC.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from director.errors import UnavailableError
from director.transport.connections import cut
from director.transport.status import Context

_FAREWELL_S = 0.5
"""So long a client that is only slow has to hear why: the cut tells it nothing."""


class Sending:
    """Writes the answers of one call."""

    def __init__(self, context: Context, life: asyncio.Timeout, *, within_s: float) -> None:
        self._context = context
        self._life = life
        self._within_s = within_s
        self._loop = asyncio.get_running_loop()
        self._began_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def write(self, message: Any) -> None:
        """Return once the client takes it, or could."""
        self._began_s = self._loop.time()
        if self._timer is None:
            self._look_after(self._within_s)
        await self._context.write(message)
        self._began_s = None

    def _look_after(self, pause_s: float) -> None:
        # One timer for many messages: to begin one for each costs as much as to send a small one.
        self._timer = self._loop.call_later(pause_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._began_s is None:
            return
        waited_s = self._loop.time() - self._began_s
        if waited_s < self._within_s:
            self._look_after(self._within_s - waited_s)
        else:
            self._life.reschedule(self._loop.time())

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()


@asynccontextmanager
async def sending(context: Context, *, within_s: float) -> AsyncIterator[Sending]:
    """Send in the block; a client that takes nothing for `within_s` is cut off.

    Raises:
        UnavailableError: it was.
    """
    life = asyncio.timeout(None)
    sent = Sending(context, life, within_s=within_s)
    try:
        async with life:
            yield sent
    except TimeoutError:
        if not life.expired():
            raise
        asyncio.get_running_loop().call_later(_FAREWELL_S, cut, context.peer())
        raise UnavailableError(f"you have taken nothing for {within_s:g} s: ask again") from None
    finally:
        sent.end()
