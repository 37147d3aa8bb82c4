"""How much a start would have to replay and the disk has to hold, and when that becomes too much.

What was removed stays in the journal until a snapshot takes its place, so removals count more.
"""

from director.core.events import Durable, ExperimentRemoved
from director.storage import JournalSize

_MANY = 10_000
"""Events that are replayed in a tenth of a second or two."""
_REMOVAL = _MANY // 10
_MANY_BYTES = 32 * 2**20
"""A few hundred events of those that tell a lot, which take as long."""
_SHARE = 4
"""A large federation is written down anew once events make up so large a part of it."""
_WORTHWHILE = 100
"""Fewer are not worth gathering up at a start."""


class Backlog:
    """Events since the last snapshot; a large one is not written for a few events."""

    def __init__(self) -> None:
        self._events = 0
        self._weight = 0
        self._tried_bytes = 0
        """What there was when a snapshot was last begun: it may not have been kept."""

    def note(self, event: Durable) -> None:
        """Count an event."""
        self._events += _REMOVAL if isinstance(event, ExperimentRemoved) else 1

    def clear(self, weight: int, size: JournalSize) -> None:
        """Begin anew: a snapshot of this weight stands for all events so far."""
        self._events = 0
        self._weight = weight
        self._tried_bytes = size.events_bytes

    def is_long(self, size: JournalSize) -> bool:
        """Whether the running Director is to write a snapshot."""
        self._tried_bytes = min(self._tried_bytes, size.events_bytes)
        grown_bytes = size.events_bytes - self._tried_bytes
        return self._events >= max(_MANY, self._weight // _SHARE) or grown_bytes >= max(
            _MANY_BYTES, size.snapshot_bytes
        )

    def is_worthwhile(self, size: JournalSize) -> bool:
        """Whether one that starts is to write a snapshot."""
        return self._events >= _WORTHWHILE or size.events_bytes >= _MANY_BYTES

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to gather up."""
        return not self._events
