"""Places for what takes memory or files while it lasts: so many in all, and so many for each owner.

Whoever gets none is told which limit it is.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from director.errors import LimitExceededError


class Places:
    """Taken for as long as a block runs; `what` tells in the plural what they are for."""

    def __init__(self, what: str, in_all: int, per_owner: int) -> None:
        self._what = what
        self._in_all = in_all
        self._shares = Shares(what, per_owner)

    @contextmanager
    def taken(self, owner: str) -> Iterator[None]:
        """Hold a place.

        Raises:
            LimitExceededError: there is none, or the owner has as many as it may.
        """
        with self._shares.taken(owner):
            if len(self._shares) > self._in_all:
                raise LimitExceededError(
                    f"{self._in_all} {self._what} are under way, which is the limit"
                )
            yield


class Line:
    """Places for which everybody waits, in the order of coming, where all are taken."""

    def __init__(self, what: str, in_all: int, per_owner: int) -> None:
        self._shares = Shares(what, per_owner)
        self.place = asyncio.Semaphore(in_all)
        """To be held by those who have joined, for as long as they need it."""

    def __len__(self) -> int:
        return len(self._shares)

    def joined(self, owner: str) -> AbstractContextManager[None]:
        """Be among those who have a place or wait for one.

        Raises:
            LimitExceededError: the owner is as often as it may be.
        """
        return self._shares.taken(owner)


class Shares:
    """How many of something each owner has."""

    def __init__(self, what: str, per_owner: int) -> None:
        self._what = what
        self._per_owner = per_owner
        self._taken: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._taken.total()

    @contextmanager
    def taken(self, owner: str) -> Iterator[None]:
        """Have one more.

        Raises:
            LimitExceededError: these are as many as it may have.
        """
        if self._taken[owner] >= self._per_owner:
            raise LimitExceededError(
                f"{self._per_owner} of your {self._what} are under way, which is the limit"
            )
        self._taken[owner] += 1
        try:
            yield
        finally:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
