"""Where work goes that would hold the event loop up: into a thread, or nowhere in virtual time."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

T = TypeVar("T")


class Offload(Protocol):
    """Runs a function elsewhere and waits for its answer."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        """Return what the function returns, or raise what it raises."""


async def inline(work: Callable[[], T], /) -> T:
    """Run it here and now, where threads are refused; others get a turn first."""
    await asyncio.sleep(0)
    return work()


async def in_thread(work: Callable[[], T], /) -> T:
    """Run it on one of the loop's worker threads: for disks and arithmetic."""
    return await asyncio.to_thread(work)


class Workers:
    """Threads of their own, for what may take so long that others would be left without any."""

    def __init__(self, count: int, *, name: str) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def __call__(self, work: Callable[[], T], /) -> T:
        """As `Offload`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Begin nothing more; what is under way goes on to its end, which nobody waits for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def in_thread_of_its_own(work: Callable[[], T], /) -> T:
    """Run what may take hours, such as a person's decision, without holding a worker thread.

    Whoever waits may be cancelled; the function goes on, and holds no exit up.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(give: Callable[[], None]) -> None:
        if not answer.done():
            give()

    def run() -> None:
        try:
            result = work()
            give = partial(answer.set_result, result)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            give = partial(answer.set_exception, error)
        # The loop is closed where nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, give)

    threading.Thread(target=run, name="director-patient", daemon=True).start()
    return await answer
