"""How much a start would have to replay, and when that becomes too much.

What was removed stays in the journal until a snapshot takes its place, so removals count more.
"""

from director.core.events import Durable, ExperimentRemoved

_MANY = 10_000
"""Events that are replayed in a tenth of a second or two."""
_REMOVAL = _MANY // 10
_SHARE = 4
"""A large federation is written down anew once events make up so large a part of it."""
_WORTHWHILE = 100
"""Fewer are not worth gathering up at a start."""


class Backlog:
    """Events since the last snapshot; a large one is not written for a few events."""

    def __init__(self) -> None:
        self._events = 0
        self._weight = 0

    def note(self, event: Durable) -> None:
        """Count an event."""
        self._events += _REMOVAL if isinstance(event, ExperimentRemoved) else 1

    def clear(self, weight: int) -> None:
        """Begin anew: a snapshot of this weight stands for all events so far."""
        self._events = 0
        self._weight = weight

    @property
    def is_long(self) -> bool:
        """Whether the running Director is to write a snapshot."""
        return self._events >= max(_MANY, self._weight // _SHARE)

    @property
    def is_worthwhile(self) -> bool:
        """Whether one that starts is to write a snapshot."""
        return self._events >= _WORTHWHILE

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to gather up."""
        return not self._events
