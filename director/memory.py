"""How a process that serves for months keeps its memory; for whoever owns the process."""

import ctypes
import gc
from contextlib import suppress

_KEPT_BYTES = 32 * 2**20
"""A few messages of an upload that repeats its model each time: so much may lie around unused."""
# From glibc's malloc.h; see mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8


def expect_large_messages() -> None:
    """Prepare for messages of megabytes that come and go; before any other thread begins.

    By default the C library gives what is freed back to the system, and asks for it again page by
    page, which is half of the time of an upload; and each thread keeps memory of its own, of which
    the others have nothing.  Where it is not glibc, nothing happens.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


def keep_what_is_there() -> None:
    """Look for no garbage in what there is by now: it stays, and looking would hold requests up.

    What the start has left over is given back, where the C library is glibc.
    """
    gc.freeze()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
