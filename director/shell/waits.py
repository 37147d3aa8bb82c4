"""Long polls that are parked until there is work, or until it is time to ask again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from director.core.model import ExperimentName, WaitId
from director.shell.waking import Waker

Answer = ExperimentName | None


class Waits:
    """Every parked long poll is a future; what it is to be told is the core's to decide."""

    def __init__(self) -> None:
        self._parked: dict[WaitId, asyncio.Future[Answer]] = {}
        self._waker: Waker[Answer] = Waker()
        self._count = 0

    def __len__(self) -> int:
        return len(self._parked)

    @contextmanager
    def parked(self) -> Iterator[WaitId]:
        """Keep a long poll for as long as the block runs."""
        self._count += 1
        wait = WaitId(self._count)
        self._parked[wait] = asyncio.get_running_loop().create_future()
        try:
            yield wait
        finally:
            del self._parked[wait]

    async def answer(self, wait: WaitId, *, within_s: float) -> Answer:
        """Return what the long poll is told; None when the time is over."""
        future = self._parked[wait]
        timer = asyncio.get_running_loop().call_later(within_s, self._end, future)
        try:
            return await future
        finally:
            timer.cancel()

    def tell(self, wait: WaitId, answer: Answer) -> None:
        """Let a parked long poll have its answer soon."""
        self._waker.wake(self._parked[wait], answer)

    def end_all(self) -> None:
        """Tell everybody to ask again."""
        for wait in self._parked:
            self.tell(wait, None)

    @staticmethod
    def _end(future: asyncio.Future[Answer]) -> None:
        if not future.done():
            future.set_result(None)
