"""A loop of virtual time to test with."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from simulator.engine.loop import VirtualTimeLoop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    with asyncio.Runner(loop_factory=VirtualTimeLoop, debug=debug) as runner:
        return runner.run(main)
