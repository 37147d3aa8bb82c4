"""Wakes those who wait, a slice at a time, so that thousands do not hold everybody else up."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

# A slice takes some milliseconds to be answered: a heartbeat that comes meanwhile hardly notices.
_SLICE = 32


class Waker(Generic[T]):
    """Answers futures in the order in which it was told to."""

    def __init__(self) -> None:
        self._queue: deque[tuple[asyncio.Future[T], T]] = deque()

    def wake(self, future: asyncio.Future[T], answer: T) -> None:
        """Give a future its answer soon; one that is cancelled until then needs none."""
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._drain)
        self._queue.append((future, answer))

    def _drain(self) -> None:
        for _ in range(min(_SLICE, len(self._queue))):
            future, answer = self._queue.popleft()
            if not future.done():
                future.set_result(answer)
        if self._queue:
            asyncio.get_running_loop().call_soon(self._drain)
