"""Who is held by how many faults at once: the first to let go must not free what another holds."""

from collections.abc import Iterator
from contextlib import contextmanager

from simulator.network.api import Link
from simulator.world import Actor


class Holds:
    """The links that are stalled and the actors that are paused in one run."""

    def __init__(self) -> None:
        self._stalls: dict[str, list[tuple[bool, bool]]] = {}
        self._pauses: dict[str, int] = {}

    @contextmanager
    def stalled(self, name: str, link: Link, *, up: bool, down: bool) -> Iterator[None]:
        """Keep a link stalled in these directions for as long as the context lasts."""
        stalls = self._stalls.setdefault(name, [])
        stalls.append((up, down))
        link.stall(towards_director=up, from_director=down)
        try:
            yield
        finally:
            stalls.remove((up, down))
            link.heal(
                towards_director=up and not any(still_up for still_up, _ in stalls),
                from_director=down and not any(still_down for _, still_down in stalls),
            )

    @contextmanager
    def paused(self, actor: Actor) -> Iterator[None]:
        """Keep an actor frozen for as long as the context lasts."""
        self._pauses[actor.id] = self._pauses.get(actor.id, 0) + 1
        actor.pause()
        try:
            yield
        finally:
            self._pauses[actor.id] -= 1
            if not self._pauses[actor.id]:
                actor.resume()
