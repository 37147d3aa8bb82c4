"""The metrics of one experiment: a log, and whoever follows it.

A follower is an index into the log and nothing else, so followers cannot take from each other.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from director.core.model import ExperimentId, Metric
from director.errors import LimitExceededError, UnavailableError
from director.shell.waking import Waker


class Feed:
    """Grows until it is ended."""

    def __init__(self) -> None:
        self._log: list[Metric] = []
        self._is_ended = False
        self._is_cut = False
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._waker: Waker[None] = Waker()
        self.followers = 0

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All so far."""
        return tuple(self._log)

    def append(self, metrics: Iterable[Metric]) -> None:
        """Let every follower have these, too."""
        self._log.extend(metrics)
        self._wake()

    def end(self) -> None:
        """Let every follower come to its end once it has seen all; nothing is added after this."""
        self._is_ended = True
        self._wake()

    def cut(self) -> None:
        """Send every follower away before the end."""
        self._is_cut = True
        self._wake()

    def _wake(self) -> None:
        for future in self._waiting:
            self._waker.wake(future, None)
        self._waiting.clear()

    async def follow(self) -> AsyncGenerator[Metric, None]:
        """Yield every metric from the first on, in order, until the feed is ended.

        Raises:
            UnavailableError: the feed was cut.
        """
        self.followers += 1
        try:
            seen = 0
            while True:
                while seen < len(self._log):
                    seen += 1
                    yield self._log[seen - 1]
                if self._is_ended:
                    return
                if self._is_cut:
                    raise UnavailableError("this Director is stopping: follow again later")
                await self._news()
        finally:
            self.followers -= 1

    async def _news(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = None
        try:
            await future
        finally:
            self._waiting.pop(future, None)


class Feeds:
    """The feeds of all experiments."""

    def __init__(self, *, max_followers: int) -> None:
        self._max_followers = max_followers
        self._feeds: dict[ExperimentId, Feed] = {}

    @property
    def followers(self) -> int:
        """How many follow any of them."""
        return sum(feed.followers for feed in self._feeds.values())

    def of(self, experiment: ExperimentId) -> Feed:
        """Return the feed of an experiment that is there."""
        return self._feeds.setdefault(experiment, Feed())

    def follow(self, experiment: ExperimentId) -> AsyncGenerator[Metric, None]:
        """As `Feed.follow`.

        Raises:
            LimitExceededError: too many follow this one.
        """
        feed = self.of(experiment)
        self.check_room(feed.followers)
        return feed.follow()

    def check_room(self, followers: int) -> None:
        """Let one more follow an experiment that so many follow.

        Raises:
            LimitExceededError: they are as many as there may be.
        """
        limit = self._max_followers
        if followers >= limit:
            raise LimitExceededError(f"{limit} streams follow this experiment, which is the limit")

    def drop(self, experiment: ExperimentId) -> None:
        """End a feed, and forget it."""
        self.of(experiment).end()
        del self._feeds[experiment]

    def cut_all(self) -> None:
        """Send every follower away."""
        for feed in self._feeds.values():
            feed.cut()
