"""One run, as its actors and faults see it: the seams, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from random import Random
from typing import Protocol

from simulator.actors.actor import ActorBase
from simulator.engine.chance import Chance
from simulator.engine.host import Host
from simulator.engine.memory_host import MemoryHost
from simulator.engine.wire_host import WireHost
from simulator.history.entry import JsonObject
from simulator.history.recorder import HistoryRecorder
from simulator.network.api import Network
from simulator.world import Attack, Signal, StorageTrouble, World


class Performer(Protocol):
    """An attacker, ready to go."""

    async def perform(self) -> None:
        """Come, do it, and leave."""


AttackerFactory = Callable[[World, str, Attack], Performer]


class RunWorld:
    """Everything that one run has; it is the engine's to fill and to empty."""

    def __init__(
        self,
        *,
        host: Host,
        record: HistoryRecorder,
        chance: Chance,
        now: Callable[[], float],
        attackers: AttackerFactory,
    ) -> None:
        self._host = host
        self._chance = chance
        self._now = now
        self._attackers = attackers
        self._actors: dict[str, ActorBase] = {}
        self._record = record
        self._restarting = asyncio.Lock()

    @property
    def network(self) -> Network:
        """The network that leads to the Director."""
        return self._host.network

    @property
    def record(self) -> HistoryRecorder:
        """Where everything is written down."""
        return self._record

    def random(self, stream: str) -> Random:
        return self._chance.stream(stream)

    def now(self) -> float:
        return self._now()

    def enter(self, actor: ActorBase) -> None:
        """Let faults get hold of an actor from now on."""
        self._actors[actor.id] = actor

    def actors(self) -> Sequence[ActorBase]:
        return tuple(self._actors.values())

    def actor(self, name: str) -> ActorBase:
        return self._actors[name]

    async def attack(self, actor: str, attack: Attack) -> None:
        await self._attackers(self, actor, attack).perform()

    def on_event(self, listener: Callable[[str, str, JsonObject], None]) -> Callable[[], None]:
        return self._record.on_note(listener)

    @asynccontextmanager
    async def restarting_director(self, *, signal: Signal) -> AsyncIterator[None]:
        ending = "stop" if signal == "stop" else "kill"
        note = partial(self._record.note, f"director.{ending}", {"signal": signal})
        # One after the other: only who is up can go down.
        async with self._restarting:
            try:
                if signal == "torn":
                    assert isinstance(self._host, MemoryHost)
                    await self._host.tear(note)
                else:
                    note()
                    await self._host.take_down(signal)
                yield
            finally:
                await self._host.start()
                self._record.note("director.start", {})

    def troubling_storage(self, trouble: StorageTrouble) -> AbstractContextManager[None]:
        # Such faults are refused by name wherever the disk is not simulated.
        assert isinstance(self._host, MemoryHost | WireHost)
        return self._host.troubled(trouble)
