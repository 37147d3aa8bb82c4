"""What all simulated peers have in common: they come, freeze, thaw, die and come again.

An actor owns its tasks and its channels; when it ends, nothing of it runs on.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import grpc.aio

from simulator.actors.caller import Caller, Metadata, client_id
from simulator.actors.hands import Hands
from simulator.actors.profile import ROBUST, Profile
from simulator.actors.recording import Recording
from simulator.history.entry import JsonObject
from simulator.network.api import ClientCredentials
from simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who an actor is, and how it gets to the Director."""

    id: str
    kind: Literal["envoy", "frontend", "attacker"]
    group: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    profile: Profile = ROBUST
    credentials: ClientCredentials | None = None
    """Left out: plaintext."""
    director: str
    """"host:port" of the Director, as plans name it."""

    @property
    def metadata(self) -> Metadata:
        """What it tells of itself with every call: under TLS nothing, the certificate says it."""
        names_itself = self.kind != "envoy" or self.profile.sends_client_id
        return client_id(self.id) if self.credentials is None and names_itself else ()

    @property
    def identity(self) -> str:
        """What the Director knows it as."""
        return self.id if self.credentials is not None or self.metadata else ""


class ActorBase(ABC):
    """One peer; `_live` says what it does."""

    def __init__(self, world: World, person: Person) -> None:
        self._world = world
        self._person = person
        self._recording = Recording(world=world, actor=person.id, identity=person.identity)
        self._channels: dict[tuple[ClientCredentials | None, str | None], grpc.aio.Channel] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._is_alive = False

    def __repr__(self) -> str:
        state = "alive" if self._is_alive else "gone"
        return f"<{self._person.kind} {self._person.id!r}, {state}>"

    @property
    def id(self) -> str:
        """Its name, which is also its identity."""
        return self._person.id

    @property
    def is_alive(self) -> bool:
        """Whether it runs (paused counts, killed does not)."""
        return self._is_alive

    async def start(self) -> None:
        """Begin, or begin again after `kill`, with no memory of before."""
        assert not self._is_alive, f"{self!r} was started twice"
        self._is_alive = True
        self._recording.gate.open()
        self._note(
            "actor.start",
            {
                "kind": self._person.kind,
                "identity": self._person.identity,
                "group": self._person.group,
                "labels": dict(self._person.labels),
                "profile": self._person.profile.name,
            },
        )
        self._spawn(self._live())

    async def kill(self) -> None:
        """Stop at once, as SIGKILL does: no goodbye, connections reset."""
        await self._end("actor.kill", "KILLED", "the caller was killed")

    async def stop(self) -> None:
        """Leave in good order; calls that are still open are cancelled."""
        await self._end("actor.stop", "CANCELLED", "the caller left")

    def pause(self) -> None:
        """Freeze, as SIGSTOP does: connections stay open, nothing is sent or read."""
        if self._is_alive and self._recording.gate.is_open:
            self._note("actor.pause", {})
            self._recording.gate.shut()

    def resume(self) -> None:
        """Go on where it stood."""
        if self._is_alive and not self._recording.gate.is_open:
            self._note("actor.resume", {})
            self._recording.gate.open()

    # ------------------------------------------------------------ for the kinds of actors

    @abstractmethod
    async def _live(self) -> None:
        """Do what it came for; may return, and then sits idle until it is ended."""

    def _note(self, topic: str, value: JsonObject, *, call: int = -1) -> None:
        self._world.record.note(topic, value, actor=self.id, call=call)

    def _random(self, stream: str) -> Random:
        return self._world.random(f"{self.id}/{stream}")

    def _hands(self) -> Hands:
        """Return what its parts may do in its name."""
        return Hands(note=self._note, sleep=self._sleep, random=self._random("retries"))

    def _caller(self, address: str | None = None) -> Caller:
        """Return how to call the Director, or whoever is at another address."""
        return Caller(
            recording=self._recording,
            channel=self._channel(self._person.credentials, address),
            profile=self._person.profile,
            metadata=self._person.metadata,
        )

    def _channel(
        self, credentials: ClientCredentials | None, address: str | None = None
    ) -> grpc.aio.Channel:
        """Return the one channel to an address with these credentials."""
        key = credentials, address
        if key not in self._channels:
            self._channels[key] = self._world.network.connect(
                self.id, credentials=credentials, address=address
            )
        return self._channels[key]

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        # A timer that ran out while the actor was frozen is noticed when it thaws.
        await self._recording.gate.passed()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            # A bug of ours, not a peer's misfortune: whoever runs the loop has to hear of it.
            task.get_loop().call_exception_handler(
                {"message": f"{self!r} broke", "exception": error, "task": task}
            )

    async def _end(self, topic: str, code: str, details: str) -> None:
        if not self._is_alive:
            return
        self._is_alive = False
        self._note(topic, {})
        # Before any task can see its call fail: how it failed is nobody's business any more.
        self._recording.abandon(code, details)
        self._recording.gate.open()
        tasks, channels = tuple(self._tasks), tuple(self._channels.values())
        self._channels.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in channels:
            await channel.close()
