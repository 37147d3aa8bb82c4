"""A run without a scenario: a Director, a network, and whom a test lets in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from random import Random
from typing import Any, TypeVar

from director.interface import DirectorInterface
from director.transport.server import DirectorGRPCServer
from simulator.actors.actor import ActorBase, Person
from simulator.actors.attacker import Attacker
from simulator.actors.envoy import Envoy
from simulator.actors.frontend import Frontend
from simulator.actors.names import Names
from simulator.actors.observer import Observer
from simulator.actors.profile import PROFILES
from simulator.actors.steps import Recipients, Step
from simulator.actors.submitting import Audience
from simulator.actors.training import TrainingSpec
from simulator.engine.chance import Chance
from simulator.history.calls import Call
from simulator.history.entry import Entry, Header, JsonObject
from simulator.history.history import History
from simulator.history.recorder import HistoryRecorder
from simulator.network.api import ClientCredentials, Network, Rule
from simulator.network.memory import MemoryNetwork
from simulator.pki import Pki
from simulator.world import Actor, Attack, Recorder, Signal, StorageTrouble
from tests.simulator.actors.obliging import ObligingDirector

_Peer = TypeVar("_Peer", bound=ActorBase)

EPOCH = 1_700_000_000.0
ADDRESS = "director:50051"
INSTANT = TrainingSpec.model_validate({"takes": "300ms"})


class House:
    """Provides `simulator.world.World`, and the actors that tests need."""

    def __init__(
        self,
        network: Network,
        director: Any,
        *,
        seed: int = 1,
        pki: Pki | None = None,
        address: str = ADDRESS,
    ) -> None:
        self._began_at = asyncio.get_running_loop().time()
        self._address = address
        self._recorder = HistoryRecorder(self.now)
        self.record: Recorder = self._recorder
        self.network = network
        self.director = director
        self.pki = pki
        self._chance = Chance(seed)
        self._names = Names(seed)
        self._actors: dict[str, ActorBase] = {}

    def random(self, stream: str) -> Random:
        return self._chance.stream(stream)

    def now(self) -> float:
        return asyncio.get_running_loop().time() - self._began_at

    def actors(self) -> Sequence[Actor]:
        return tuple(self._actors.values())

    def actor(self, name: str) -> Actor:
        return self._actors[name]

    async def attack(self, actor: str, attack: Attack) -> None:
        await self.attacker(actor, attack).perform()

    def on_event(self, listener: Callable[[str, str, JsonObject], None]) -> Callable[[], None]:
        return self._recorder.on_note(listener)

    def restarting_director(self, *, signal: Signal) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    def troubling_storage(self, trouble: StorageTrouble) -> AbstractContextManager[None]:
        raise NotImplementedError

    # ------------------------------------------------------------ who is there

    def credentials(self, name: str) -> ClientCredentials | None:
        return None if self.pki is None else self.pki.client(name)

    def envoy(
        self, name: str, *, profile: str = "robust", training: TrainingSpec = INSTANT
    ) -> Envoy:
        shard = self._names.shard(name, sample_shape=("8",), target_shape=("1",))
        person = Person(
            id=name,
            kind="envoy",
            group="hospital",
            labels={"region": "eu"},
            profile=PROFILES[profile],
            credentials=self.credentials(name),
            director=self._address,
        )
        return self._came(Envoy(self, person, shard=shard, training=training))

    def frontend(self, name: str, do: Sequence[Step], *, profile: str = "robust") -> Frontend:
        person = self._user(name, profile)
        return self._came(Frontend(self, person, do=do, audiences=self.audience))

    def observer(self) -> Observer:
        return self._came(Observer(self, self._user("observer", "robust"), every_s=1.0))

    def attacker(self, name: str, attack: Attack, experiments: Sequence[str] = ()) -> Attacker:
        person = Person(
            id=name, kind="attacker", credentials=self.credentials(name), director=self._address
        )
        return Attacker(self, person, attack, pki=self.pki, experiments=experiments)

    def _user(self, name: str, profile: str) -> Person:
        return Person(
            id=name,
            kind="frontend",
            profile=PROFILES[profile],
            credentials=self.credentials(name),
            director=self._address,
        )

    def audience(self, to: Recipients) -> Audience:
        """Everybody, or those who are listed."""
        everybody = tuple(name for name, actor in self._actors.items() if isinstance(actor, Envoy))
        return Audience(envoys=everybody if isinstance(to, str) else to, rounds=2)

    def _came(self, actor: _Peer) -> _Peer:
        self._actors[actor.id] = actor
        return actor

    async def leave(self) -> None:
        """Let everybody go."""
        for actor in self._actors.values():
            await actor.stop()

    @contextmanager
    def ruled(self, rule: Rule) -> Iterator[None]:
        """Keep a rule in force."""
        with self.network.rules.applied(rule):
            yield

    # ------------------------------------------------------------ what was written down

    @property
    def history(self) -> History:
        """Everything so far."""
        return self._recorder.finish(
            Header(
                scenario="house",
                seed=1,
                case={},
                world="virtual",
                identity="plaintext",
                epoch=EPOCH,
                heartbeat_period_s=2.0,
                transit_s=0.0,
                sample_shape=("8",),
                target_shape=("1",),
            )
        )

    def calls(self, topic: str, actor: str | None = None) -> Sequence[Call]:
        return self.history.calls(topic, actor)

    def notes(self, topic: str, actor: str | None = None) -> Sequence[Entry]:
        return self.history.notes(topic, actor)

    def topics(self, actor: str) -> list[str]:
        """The topics of an actor's notes, in order."""
        return [entry.topic for entry in self.history.entries if _is_note_of(entry, actor)]


def _is_note_of(entry: Entry, actor: str) -> bool:
    return entry.kind == "note" and entry.actor == actor


@asynccontextmanager
async def housed(
    director_cls: Callable[..., DirectorInterface] = ObligingDirector,
    *,
    seed: int = 1,
    pki: Pki | None = None,
    **keywords: Any,
) -> AsyncIterator[House]:
    """Open a house; whoever is in it leaves at the end, and nothing of it goes on."""
    loop = asyncio.get_running_loop()
    network = MemoryNetwork(
        server_credentials=None if pki is None else pki.server(),
        now=lambda: EPOCH + loop.time(),
    )
    server = DirectorGRPCServer(
        director_cls=director_cls, tls=False, sample_shape=["8"], target_shape=["1"], **keywords
    )
    server.tls = pki is not None
    server.register(network.server)
    server.director.announce("director", 50051)
    await server.director.start()
    await network.server.start()
    house = House(network, server.director, seed=seed, pki=pki)
    try:
        yield house
    finally:
        await house.leave()
        await server.director.close()
        await network.close()
