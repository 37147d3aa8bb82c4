"""A world in which faults and the timeline can be watched: real rules, links that remember.

It carries no RPCs; a test sends single messages with `pass_on` and reads what became of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import grpc.aio
from google.protobuf.message import Message as Protobuf

from protos.director_pb2 import UpdateEnvoyStatusRequest
from simulator.engine.chance import Chance
from simulator.history.entry import Json, JsonObject
from simulator.network.api import (
    ClientCredentials,
    Direction,
    Message,
    Network,
    RuleBook,
    Verdict,
)
from simulator.world import Actor, Attack, Recorder, Signal, StorageTrouble

Listener = Callable[[str, str, JsonObject], None]


@dataclass(frozen=True, slots=True)
class Note:
    time: float
    actor: str
    topic: str
    value: JsonObject
    call: int


@dataclass(slots=True)
class FakeRecorder:
    notes: list[Note] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)

    def note(self, topic: str, value: JsonObject, *, actor: str = "", call: int = -1) -> None:
        now = asyncio.get_running_loop().time()
        self.notes.append(Note(now, actor, topic, value, call))
        for listener in tuple(self.listeners):
            listener(actor, topic, value)

    def invoke(self, actor: str, topic: str, value: JsonObject) -> int:
        raise NotImplementedError

    def complete(self, call: int, kind: str, value: JsonObject) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class FakeLink:
    """Knows in which directions it is stalled, and how often it was cut."""

    stalled_up: bool = False
    stalled_down: bool = False
    cuts: int = 0
    deceived: int = 0
    """How many connections the Director believes in that are no more."""

    def stall(self, *, towards_director: bool = True, from_director: bool = True) -> None:
        self.stalled_up |= towards_director
        self.stalled_down |= from_director

    def heal(self, *, towards_director: bool = True, from_director: bool = True) -> None:
        self.stalled_up &= not towards_director
        self.stalled_down &= not from_director

    def cut(self) -> None:
        self.cuts += 1

    def strand(self) -> Callable[[], None]:
        self.cuts += 1
        self.deceived += 1

        def tell() -> None:
            self.deceived -= 1

        return tell

    @property
    def connection(self) -> int:
        return 1 + self.cuts

    @property
    def stalled(self) -> str:
        return "up" * self.stalled_up + "down" * self.stalled_down


@dataclass(slots=True)
class FakeNetwork:
    rules: RuleBook = field(default_factory=RuleBook)
    links: dict[str, FakeLink] = field(default_factory=dict)

    def connect(
        self, actor: str, *, credentials: ClientCredentials | None, address: str | None = None
    ) -> grpc.aio.Channel:
        raise NotImplementedError

    def link(self, actor: str) -> FakeLink:
        return self.links.setdefault(actor, FakeLink())

    def open_calls(self) -> int:
        return 0

    async def close(self) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class FakeActor:
    """Takes a moment to start, as real ones do."""

    id: str
    is_alive: bool = True
    is_paused: bool = False
    lives: int = 1

    async def start(self) -> None:
        await asyncio.sleep(0)
        self.is_alive = True
        self.lives += 1

    async def kill(self) -> None:
        self.is_alive = self.is_paused = False

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False


class FakeWorld:
    """Everybody is there from the start; attacks take a second, and are remembered."""

    def __init__(self, *names: str, seed: int = 1, attack_s: float = 1.0) -> None:
        self._recorder = FakeRecorder()
        self._network = FakeNetwork()
        self.record: Recorder = self._recorder
        self.network: Network = self._network
        self.attacks: list[tuple[float, str, Attack]] = []
        self.during_attack: Callable[[str, Attack], None] = lambda _, __: None
        self.director_downs: list[tuple[float, Signal]] = []
        self._actors = {name: FakeActor(name) for name in names}
        self._chance = Chance(seed)
        self._attack_s = attack_s

    def random(self, stream: str) -> Random:
        return self._chance.stream(stream)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def actors(self) -> Sequence[Actor]:
        return tuple(self._actors.values())

    def actor(self, name: str) -> FakeActor:
        return self._actors[name]

    async def attack(self, actor: str, attack: Attack) -> None:
        self.attacks.append((self.now(), actor, attack))
        self.during_attack(actor, attack)
        await asyncio.sleep(self._attack_s)

    def on_event(self, listener: Listener) -> Callable[[], None]:
        listeners = self._recorder.listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    def restarting_director(self, *, signal: Signal) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def restarting() -> AsyncIterator[None]:
            self.director_downs.append((self.now(), signal))
            yield

        return restarting()

    def troubling_storage(self, trouble: StorageTrouble) -> AbstractContextManager[None]:
        raise NotImplementedError

    # ------------------------------------------------------------ for tests

    @property
    def notes(self) -> list[Note]:
        """Everything that was written down."""
        return self._recorder.notes

    @property
    def is_heard(self) -> bool:
        """Whether anybody still listens to events."""
        return bool(self._recorder.listeners)

    def link(self, actor: str) -> FakeLink:
        """Return an actor's path."""
        return self._network.link(actor)

    def pass_on(
        self,
        actor: str,
        method: str = "UpdateEnvoyStatus",
        body: Protobuf | None = None,
        *,
        direction: Direction = Direction.REQUEST,
        index: int = 0,
        call: int = 0,
    ) -> tuple[float, Verdict]:
        """Return the seconds that one message waits, and what then becomes of it."""
        message = Message(
            actor=actor,
            method=method,
            direction=direction,
            index=index,
            call=call,
            body=UpdateEnvoyStatusRequest() if body is None else body,
        )
        return self.network.rules.judge(message)

    def happens(self, topic: str, actor: str = "", **value: Json) -> None:
        """Write a note, as an actor would."""
        self.record.note(topic, value, actor=actor)

    def noted(self, topic: str, *keys: str) -> list[tuple[object, ...]]:
        """Return (time, actor, then these keys) of every note of a topic."""
        return [
            (note.time, note.actor, *(note.value[key] for key in keys))
            for note in self.notes
            if note.topic == topic
        ]
