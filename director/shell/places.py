"""Places for what takes memory or files while it lasts: so many in all, and so many for each owner.

Whoever gets none is told which limit it is.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from director.errors import LimitExceededError


class Places:
    """Taken for as long as a block runs; `what` tells in the plural what they are for."""

    def __init__(self, what: str, *, in_all: int, per_owner: int) -> None:
        self._what = what
        self._in_all = in_all
        self._per_owner = per_owner
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, owner: str) -> Iterator[None]:
        """Hold a place.

        Raises:
            LimitExceededError: there is none, or the owner has as many as it may.
        """
        if self._taken[owner] >= self._per_owner:
            raise LimitExceededError(
                f"{self._per_owner} of your {self._what} are under way, which is the limit"
            )
        if self._taken.total() >= self._in_all:
            raise LimitExceededError(
                f"{self._in_all} {self._what} are under way, which is the limit"
            )
        self._taken[owner] += 1
        try:
            yield
        finally:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
