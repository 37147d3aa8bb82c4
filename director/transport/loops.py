"""The event loop of a process that does nothing but serve."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec


def quick_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes uvloop's loop where the extra `fast` is installed; else None: asyncio's.

    Each request takes several turns of the loop, and a turn in C is the cheaper one.
    """
    if find_spec("uvloop") is None:
        return None
    make: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    return make
