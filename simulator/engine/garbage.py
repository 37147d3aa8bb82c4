"""How often Python looks for garbage while virtual time passes: seldom, for there is little.

Calls and tasks leave no cycles behind, but a run keeps millions of objects alive: the record, and
all that a fleet consists of.  At Python's own pace it is looked through again and again.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 100_000
"""So many more objects than before, some ten MiB, are worth a look at the new ones."""
_LOOKS = 20
"""After so many looks, what came since the last time is looked through once more.

What errors leave behind (an exception and the frames that it passed) is found by then; what is
older ends with its run, as the record does.
"""


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Look for garbage less often for as long as the block runs."""
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, _LOOKS, before[2])
    try:
        yield
    finally:
        gc.set_threshold(*before)
