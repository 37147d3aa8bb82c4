"""Where work goes that would hold the event loop up: into a thread, or nowhere in virtual time."""

import asyncio
import threading
from collections.abc import Callable
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


async def in_thread_of_its_own(work: Callable[[], T], /) -> T:
    """Run what may take hours, such as a person's decision, without holding a worker thread.

    Whoever waits may be cancelled; the function goes on, and holds no exit up.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type] # a T, which may well be None

    def run() -> None:
        result: T | None = None
        failure: Exception | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            failure = error
        # The loop is closed where nobody waits any more.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="director-review", daemon=True).start()
    return await answer
