"""How a frontend keeps an eye on its experiments: it asks at intervals until each has ended.

What it is told on the way is evidence of what the Director says of an experiment's life.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc

from simulator.actors.frontend_client import FrontendClient
from simulator.actors.hands import Hands
from simulator.actors.recording import CallError
from simulator.network.api import Gate

REMOVED = "removed"
_ENDED = frozenset({"finished", "failed", "rejected"})


@dataclass(slots=True)
class _Watched:
    end: Gate = field(default_factory=Gate)
    outcome: str = ""
    looks: int = 0


@dataclass(slots=True)
class Watch:
    """Knows which of a frontend's experiments have ended."""

    client: FrontendClient
    hands: Hands
    _experiments: dict[str, _Watched] = field(default_factory=dict)

    def add(self, experiment: str) -> None:
        """Keep an eye on an experiment from now on."""
        watched = _Watched()
        watched.end.shut()
        self._experiments[experiment] = watched

    def removed(self, experiment: str) -> None:
        """Learn that its owner has removed it."""
        watched = self._experiments.get(experiment)
        if watched is not None and not watched.end.is_open:
            self._close(experiment, watched, REMOVED)

    def outcomes(self) -> Sequence[tuple[str, str]]:
        """Return each experiment and how it has ended, "" where it has not, in order."""
        return [(name, watched.outcome) for name, watched in self._experiments.items()]

    async def ended(self, experiment: str) -> None:
        """Wait until it has ended; at once where there is nothing to wait for."""
        watched = self._experiments.get(experiment)
        if watched is not None:
            await watched.end.passed()

    async def run(self, interval_s: float) -> None:
        """Look at what has not ended yet, again and again."""
        while True:
            await self.hands.sleep(interval_s)
            for experiment, watched in tuple(self._experiments.items()):
                if not watched.end.is_open:
                    await self._look(experiment, watched)

    async def _look(self, experiment: str, watched: _Watched) -> None:
        watched.looks += 1
        try:
            status = await self.client.status(experiment)
            # The description is long: every other time is often enough, and once at the end.
            if watched.looks % 2 == 0 or status in _ENDED:
                await self.client.describe(experiment)
        except CallError as error:
            if error.code is grpc.StatusCode.NOT_FOUND:
                self.removed(experiment)
            return
        if status in _ENDED and not watched.end.is_open:
            self._close(experiment, watched, status)

    def _close(self, experiment: str, watched: _Watched, status: str) -> None:
        watched.end.open()
        watched.outcome = status
        self.hands.note("experiment.ended", {"experiment": experiment, "status": status})
