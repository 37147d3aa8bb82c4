"""Many writers, one write: whatever comes while the disk is busy goes together, next time."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from director.offload import Offload

T = TypeVar("T")
R = TypeVar("R")


class Batches(Generic[T]):
    """Hands items over in the order in which they came, and answers in that order.

    `write` blocks; it returns the number of its first item, and keeps all of them or none.
    """

    def __init__(self, write: Callable[[Sequence[T]], int], offload: Offload) -> None:
        self._write = write
        self._offload = offload
        self._waiting: list[tuple[T, asyncio.Future[int]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def put(self, item: T) -> int:
        """Return the item's number once it is written; it is, even if nobody waits any more.

        Raises whatever `write` raises.
        """
        written: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._run(), name="write a batch")
        return await written

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._settle(batch)
        finally:
            self._writing = None

    async def _settle(self, batch: Sequence[tuple[T, asyncio.Future[int]]]) -> None:
        error: Exception | None = None
        first = 0
        try:
            first = await self.between(partial(self._write, [item for item, _ in batch]))
        except Exception as raised:  # noqa: BLE001 - told to everybody who waits
            error = raised
        for number, (_, written) in enumerate(batch, start=first):
            # Whoever waited may have been cancelled.
            if written.done():
                continue
            if error is None:
                written.set_result(number)
            else:
                written.set_exception(error)

    async def between(self, work: Callable[[], R]) -> R:
        """Do something else that blocks, while nothing is written."""
        async with self._turn:
            return await self._offload(work)

    async def settle(self) -> None:
        """Wait until nothing is on its way any more."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
