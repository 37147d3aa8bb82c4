"""How long somebody who sends may keep others waiting: a slow line may, one that stands still not.

Waiting uses time up, and each byte that comes gives some back; so whoever sends a drop now and
then is not taken for a slow line.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Pace:
    """Of one sender: never more time than `idle_s`, and a second for each `bytes_per_s`."""

    def __init__(self, *, idle_s: float, bytes_per_s: float) -> None:
        self._idle_s = idle_s
        self._bytes_per_s = bytes_per_s
        self._left_s = idle_s
        self._limit: asyncio.Timeout | None = None

    @asynccontextmanager
    async def waited_for(self) -> AsyncIterator[None]:
        """Wait in the block for what is to come.

        Raises:
            TimeoutError: there was no time left.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(self._left_s) as self._limit:
                yield
        finally:
            self._limit = None
        self._left_s -= loop.time() - began_s

    def end(self) -> None:
        """Let whoever waits wait no longer."""
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    def gain(self, size_bytes: int) -> None:
        """Take note of what has come."""
        self._left_s = min(self._idle_s, self._left_s + size_bytes / self._bytes_per_s)
