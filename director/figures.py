"""What a Director counts of itself: plain values, whoever reads them.

Counting is so cheap that it is always done; how it is shown is `director.metrics`' business.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from director.core.lifecycle import Status

DURATIONS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""From a heartbeat to a long poll, an upload and a stream that is followed for minutes."""


class Histogram:
    """How many values lay below each bound, and their sum."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float] = DURATIONS_S) -> None:
        self.bounds = tuple(bounds)
        self._counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def __repr__(self) -> str:
        return f"<Histogram of {self.count} values, {self.total:g} in all>"

    def observe(self, value: float) -> None:
        """Count a value; a bound includes its own value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def cumulative(self) -> tuple[int, ...]:
        """Return how many values lay at or below each bound; the last tells how many there were."""
        below = 0
        return tuple(below := below + count for count in self._counts)


@dataclass(slots=True, kw_only=True)
class RequestFigures:
    """What was counted of one RPC; streams count once, by their end."""

    kind: str
    """unary, client_stream, server_stream or bidi_stream."""
    service: str
    method: str
    begun: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    """By the name of the status code."""
    seconds: Histogram = field(default_factory=Histogram)
    received_messages: int = 0
    received_bytes: int = 0
    sent_messages: int = 0
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorFigures:
    """What a Director knows of itself at one moment; counts are since its start."""

    envoys: int
    envoys_online: int
    experiments: Mapping[Status, int]
    """Every status is there, if only with 0."""
    held: Mapping[str, int]
    """As `Director.held` has it."""
    rounds_closed: int
    refused_failure_reports: int
    journal_seconds: Histogram
    """Of every append that was kept."""
    journal_failures: int
