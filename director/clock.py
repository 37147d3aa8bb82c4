"""The time of day, in seconds since the epoch: the one door by which it comes in.

Only presence and records depend on it; what waits, waits on the event loop's own clock.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> float:
        """Return the seconds since the epoch; may step, as operators set clocks."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()
