"""What others than the Director's logging write to standard error, such as gRPC's core in C++.

In a log for machines such a line is no object; so it is made a record like any other.  What a
process still says while it crashes is lost: the thread that would log it goes with it.
"""

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TextIO

_STANDARD_ERROR = 2
_CORE = re.compile(r"([IWEF])\d{4} [\d:.]+ +\d+ (.*)")
"""As gRPC's core begins its lines: level and day, time, thread; then the place, and the message."""
_LEVELS = {
    "I": logging.INFO,
    "W": logging.WARNING,
    "E": logging.ERROR,
    "F": logging.CRITICAL,
}
_MOMENT_S = 1.0
"""For the last lines; a process that was begun here may keep standard error open for longer."""


@contextmanager
def logged() -> Iterator[TextIO]:
    """Log each such line for as long as the block runs; yields where to write the log itself."""
    kept = os.dup(_STANDARD_ERROR)
    reading, writing = os.pipe()
    os.dup2(writing, _STANDARD_ERROR)
    os.close(writing)
    reader = Thread(target=_log_lines, args=(reading,), name="stray lines", daemon=True)
    reader.start()
    try:
        # It stays open: whoever logs does so to the end of the process.
        yield os.fdopen(kept, "w", buffering=1, closefd=False)
    finally:
        sys.stderr.flush()
        os.dup2(kept, _STANDARD_ERROR)
        reader.join(_MOMENT_S)


def _log_lines(reading: int) -> None:
    with os.fdopen(reading, errors="replace") as lines:
        for line in lines:
            text = line.rstrip("\n")
            core = _CORE.fullmatch(text)
            if core is not None:
                logging.getLogger("grpc.core").log(_LEVELS[core[1]], "%s", core[2])
            elif text:
                logging.getLogger("stderr").warning("%s", text)
