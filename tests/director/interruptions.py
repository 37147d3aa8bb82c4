"""Cancels a coroutine at its nth suspension, so that a test can try every one of them."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import suppress
from functools import partial
from typing import Any


class _Interrupted:
    def __init__(self, coroutine: Coroutine[Any, Any, object], nth: int) -> None:
        self._coroutine = coroutine
        self._nth = nth
        self.suspensions = 0

    def __await__(self) -> Generator[Any, None, None]:
        inner = self._coroutine.__await__()
        step = partial(inner.send, None)
        while True:
            try:
                waited = step()
            except StopIteration:
                return
            self.suspensions += 1
            if self.suspensions == self._nth:
                task = asyncio.current_task()
                assert task is not None
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                yield waited
            except BaseException as error:  # noqa: BLE001 - passed on to where it belongs
                step = partial(inner.throw, error)
            else:
                step = partial(inner.send, None)


async def interrupted(coroutine: Coroutine[Any, Any, object], nth: int) -> bool:
    """Run it, cancelled at its nth suspension; return False where it has not so many."""
    interruption = _Interrupted(coroutine, nth)

    async def run() -> None:
        await interruption

    with suppress(asyncio.CancelledError):
        await asyncio.ensure_future(run())
    return interruption.suspensions >= nth
