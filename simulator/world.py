"""What faults and actors may touch of a run: the seams, and nothing behind them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Protocol

from simulator.history.entry import JsonObject
from simulator.network.api import Network


class Recorder(Protocol):
    """Writes the history; the engine stamps index and time."""

    def note(self, topic: str, value: JsonObject, *, actor: str = "", call: int = -1) -> None:
        """Record something that is not an operation."""

    def invoke(self, actor: str, topic: str, value: JsonObject) -> int:
        """Open an operation; return its call number."""

    def complete(self, call: int, kind: str, value: JsonObject) -> None:
        """Close an operation as ok, fail or info."""


class Actor(Protocol):
    """A simulated peer that faults can get hold of."""

    @property
    def id(self) -> str:
        """Its name, which is also its identity."""

    @property
    def is_alive(self) -> bool:
        """Whether it runs (paused counts, killed does not)."""

    async def start(self) -> None:
        """Begin, or begin again after `kill`, with no memory of before."""

    async def kill(self) -> None:
        """Stop at once, as SIGKILL does: no goodbye, connections reset."""

    def pause(self) -> None:
        """Freeze, as SIGSTOP does: connections stay open, nothing is sent or read."""

    def resume(self) -> None:
        """Go on where it stood."""


class World(Protocol):
    """One run, as faults see it."""

    network: Network
    record: Recorder

    def random(self, stream: str) -> Random:
        """Chance by name: the same seed and name give the same draws, whatever else is drawn."""

    def now(self) -> float:
        """Seconds since the start of the run."""

    def actors(self) -> Sequence[Actor]:
        """Everybody there is, in the order of their coming."""

    def actor(self, name: str) -> Actor:
        """Raises KeyError where there is none of that name."""

    def attacker(self, actor: str, **step: object) -> Awaitable[None]:
        """Let a fault's own actor come in, do one frontend or identity step, and leave."""

    def on_event(self, listener: Callable[[str, JsonObject], None]) -> Callable[[], None]:
        """Be told of every named event (glob of topics in notes); returns how to stop listening."""

    def restarting_director(
        self, *, signal: str, down_s: float
    ) -> AbstractAsyncContextManager[None]:
        """Take the Director down on entry; bring it up again after so many seconds or on exit."""
