"""The time of day, in seconds since the epoch: the one door by which it comes in.

Only presence and records depend on it; what waits, waits on the event loop's own clock.
"""

import time
from typing import Protocol

# Where there is one that goes on while the machine is asleep.
_EVEN = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> float:
        """Return the seconds since the epoch; they pass evenly."""


class SystemClock:
    """The machine's clock as it was when this was made, and evenly on from there.

    Operators and time servers set clocks.  If that were followed, all envoys would be offline at
    once, or dead ones online for as long as it had been ahead; the next start takes it up.
    """

    def __init__(self) -> None:
        self._began_at = time.time() - time.clock_gettime(_EVEN)

    def now(self) -> float:
        return self._began_at + time.clock_gettime(_EVEN)
