"""Work in processes of its own, side by side, that can be stopped.

An interruption is for whoever handed the work out: workers hear of it from there, leave in good
order, and say nothing.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, TypeVar

_GOODBYE_S = 15.0
"""What a worker may take to leave: longer than it takes to tidy up at somebody else's Director."""

_SIGNALLED = 128
"""Where the exit codes of signals begin."""

_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, slots=True)
class Died:
    """What came of work whose process ended under it."""

    why: str = "a process that did the work died: was it killed, or out of memory?"


def in_processes(
    work: Callable[[_Item], _Outcome], items: Sequence[_Item], *, jobs: int
) -> Generator[tuple[int, _Outcome | Died], None, None]:
    """Yield what came of each item, with its place, as they end; `work` must be importable.

    Whatever is raised meanwhile ends all work first; an interruption is raised once all that was
    done by then has been yielded.
    """
    suspects: list[int] = []
    with closing(_side_by_side(work, dict(enumerate(items)), jobs)) as outcomes:
        for place, came in outcomes:
            if isinstance(came, Died):
                suspects.append(place)
            else:
                yield place, came
    # One of them was killed and took the others along: alone, each shows whether it was the one.
    for place in suspects:
        yield from _side_by_side(work, {place: items[place]}, 1)


def _side_by_side(
    work: Callable[[_Item], _Outcome], items: Mapping[int, _Item], jobs: int
) -> Generator[tuple[int, _Outcome | Died], None, None]:
    if not items:
        return
    # Not forked: gRPC's threads do not survive that.
    context = multiprocessing.get_context("spawn")
    workers = min(jobs, len(items))
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_listen) as pool:
        left = {pool.submit(partial(_obey, work), item): n for n, item in items.items()}
        try:
            for future in as_completed(tuple(left)):
                came = _came(future)
                yield left.pop(future), came
        except SystemExit:
            pool.shutdown(wait=False, cancel_futures=True)
            done = [future for future in left if future.done() and not future.cancelled()]
            _stop()
            for future in done:
                came = _came(future)
                yield left[future], came
            raise
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _stop()
            raise


def _came(future: "Future[_Outcome]") -> _Outcome | Died:
    try:
        return future.result()
    except BrokenProcessPool:
        return Died()


def stoppable(*signals: signal.Signals) -> None:
    """Let signals end this process by a SystemExit with the code that shells give them.

    A KeyboardInterrupt would cancel what runs first, and whatever is raised then would hide it.
    """
    for each in signals or (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _: sys.exit(_SIGNALLED + number))


def stopped_by(told: SystemExit) -> int:
    """Return the exit code of a signal that came."""
    return told.code if isinstance(told.code, int) else 1


def leave(told: SystemExit) -> NoReturn:
    """End this process with the code of the signal that came, and with no further goodbyes.

    It was stopped in the middle of something.  Threads of gRPC's, or of a pool of workers, may
    still be at it, and the interpreter's own end would meet them: with a traceback, or a crash.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(stopped_by(told))


def is_stop(told: SystemExit) -> bool:
    """Whether it is a signal that ends this process."""
    return stopped_by(told) > _SIGNALLED


def _listen() -> None:
    """Begin as a worker: the terminal's Ctrl-C is not for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stoppable(signal.SIGTERM)


def _obey(work: Callable[[_Item], _Outcome], item: _Item) -> _Outcome:
    try:
        return work(item)
    except SystemExit as told:
        # As an outcome it would be taken in, and the next item begun.
        leave(told)


def _stop() -> None:
    children = multiprocessing.active_children()
    for child in children:
        child.terminate()
    # Who interrupts again does not want to wait.
    with suppress(SystemExit):
        for child in children:
            child.join(_GOODBYE_S / len(children))
    for child in children:
        child.kill()
