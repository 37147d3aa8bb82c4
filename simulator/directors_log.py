"""What the Director logs while it is tormented: into a file beside the history, or nowhere.

Its warnings are what a scenario is out for; printed, they would bury the report.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter

from typing_extensions import override

from director.log_lines import TextLines

_SILENT = logging.CRITICAL + 1

_LOGGERS = ("director", "grpc", "simulator.network")
"""The Director's own, and those of what carries its calls in either world."""


@contextmanager
def directors_log(path: Path | None, *, is_virtual: bool) -> Iterator[None]:
    """Write a line for whatever is told while the block runs; None: nothing is kept.

    Lines begin with the seconds of the run, as the history tells them; in virtual time equal runs
    leave equal files.
    """
    with ExitStack() as stack:
        handler: logging.Handler = logging.NullHandler()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = logging.FileHandler(path, mode="w", encoding="utf-8")
            handler.setFormatter(_RunLines(_virtual_clock() if is_virtual else _real_clock()))
        stack.callback(handler.close)
        level = _SILENT if path is None else logging.INFO
        for name in _LOGGERS:
            stack.enter_context(_led_to(handler, logging.getLogger(name), level))
        yield


class _RunLines(TextLines):
    """As an operator's log, but on the clock of the run."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    @override
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return f"{self._now():12.6f}"


@contextmanager
def _led_to(handler: logging.Handler, logger: logging.Logger, level: int) -> Iterator[None]:
    level_before, propagated = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level_before)
        logger.propagate = propagated


def _virtual_clock() -> Callable[[], float]:
    last_s = 0.0

    def now() -> float:
        nonlocal last_s
        # Nothing runs before the loop, and little after it.
        try:
            last_s = asyncio.get_running_loop().time()
        except RuntimeError:
            return last_s
        return last_s

    return now


def _real_clock() -> Callable[[], float]:
    began_s = perf_counter()
    return lambda: perf_counter() - began_s
