"""Background tasks, each of which has an owner that ends it."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Tasks:
    """What one owner started and has not ended yet, in the order of starting."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._is_abandoned = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Run a coroutine that nobody waits for; an error of it is logged."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._own(task)
        task.add_done_callback(_log_error)

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Future[T]:
        """Run a coroutine for whoever waits for it; it goes on when nobody does any more."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._own(task)
        return task

    def _own(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        if self._is_abandoned:
            task.cancel()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        del self._tasks[task]
        if not task.cancelled():
            # Whoever waits for it has the error; where nobody does any more, it is of no use.
            task.exception()

    async def settle(self) -> None:
        """Wait until none is left."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def cancel(self) -> None:
        """Cancel all, and wait until they have cleaned up behind themselves."""
        for task in tuple(self._tasks):
            task.cancel()
        await self.settle()

    async def abandon(self) -> None:
        """Cancel all, and whatever is still begun from now on."""
        self._is_abandoned = True
        await self.cancel()


def _log_error(task: asyncio.Task[Any]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("failed in the background: %s", task.get_name(), exc_info=error)
