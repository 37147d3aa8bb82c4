"""The life of an experiment: its statuses, and the moves between them.

An illegal move is a key that is not in the table.
"""

from enum import StrEnum


class Status(StrEnum):
    """What an experiment is doing; the values are the words on the wire."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    FINISHED = "finished"
    FAILED = "failed"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can follow."""
        return not TRANSITIONS[self]


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.IN_PROGRESS, Status.REJECTED}),
    Status.IN_PROGRESS: frozenset({Status.FINISHED, Status.FAILED}),
    Status.FINISHED: frozenset(),
    Status.FAILED: frozenset(),
    Status.REJECTED: frozenset(),
}


def can_move(before: Status, after: Status) -> bool:
    """Whether an experiment may go from one status to the other."""
    return after in TRANSITIONS[before]
