"""Everybody in a scenario, made ready to play: envoys, frontends, the observer and attackers."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.actors.actor import Person
from simulator.actors.attacker import Attacker
from simulator.actors.envoy import Envoy
from simulator.actors.frontend import Frontend
from simulator.actors.names import Names
from simulator.actors.observer import Observer
from simulator.actors.profile import PROFILES, ROBUST
from simulator.actors.steps import Recipients
from simulator.actors.submitting import Audience
from simulator.actors.training import TrainingSpec
from simulator.faults.selector import Member, recipients
from simulator.history.calls import OBSERVER
from simulator.network.api import ClientCredentials
from simulator.pki import Pki
from simulator.scenario.schema import EnvoyGroup, FrontendSpec, Scenario
from simulator.world import Attack, World

# Often enough to see an envoy go off-line before it is on-line again: twice a heartbeat, but a
# fleet of thousands should not spend its time on being looked at.
_LOOKS_PER_PERIOD = 2
_MOST_ENVOYS_PER_LOOK_S = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Somebody who is to come at a time of the run."""

    at_s: float
    actor: Envoy | Frontend | Observer


class Casting:
    """Makes the actors of one run."""

    def __init__(self, scenario: Scenario, *, seed: int, address: str, pki: Pki | None) -> None:
        """`address` is the Director's "host:port"; without `pki` all speak plaintext."""
        self._scenario = scenario
        self._names = Names(seed)
        self._address = address
        self._pki = pki
        self._roster = scenario.roster()
        self._trainings = {
            member.id: group.training for group in scenario.envoys for member in group.members()
        }

    def arrivals(self, world: World) -> Sequence[Arrival]:
        """Return everybody, in the order of the file, the observer first."""
        arrivals = [Arrival(at_s=0.0, actor=self._observer(world))]
        for group in self._scenario.envoys:
            arrivals += [self._envoy(world, group, member) for member in group.members()]
        arrivals += [self._frontend(world, spec) for spec in self._scenario.frontends]
        return arrivals

    def attacker(self, world: World, name: str, attack: Attack) -> Attacker:
        """Return somebody whom a fault brings in."""
        person = Person(
            id=name,
            kind="attacker",
            profile=ROBUST,
            credentials=self._credentials(name),
            director=self._address,
        )
        experiments = self._scenario.experiments()
        return Attacker(world, person, attack, pki=self._pki, experiments=experiments)

    def _credentials(self, name: str) -> ClientCredentials | None:
        return None if self._pki is None else self._pki.client(name)

    def _observer(self, world: World) -> Observer:
        person = Person(
            id=OBSERVER,
            kind="frontend",
            credentials=self._credentials(OBSERVER),
            director=self._address,
        )
        often_s = self._scenario.director.config.heartbeat_period / _LOOKS_PER_PERIOD
        gently_s = len(self._trainings) / _MOST_ENVOYS_PER_LOOK_S
        return Observer(world, person, every_s=max(often_s, gently_s))

    def _envoy(self, world: World, group: EnvoyGroup, member: Member) -> Arrival:
        config = self._scenario.director.config
        person = Person(
            id=member.id,
            kind="envoy",
            group=group.group,
            labels=member.labels,
            profile=PROFILES[group.client],
            credentials=self._credentials(member.id),
            director=self._address,
        )
        shard = self._names.shard(
            member.id, sample_shape=config.sample_shape, target_shape=config.target_shape
        )
        spread_s = world.random(f"{member.id}/join").uniform(0, group.join.spread)
        return Arrival(
            at_s=group.join.after + spread_s,
            actor=Envoy(world, person, shard=shard, training=group.training),
        )

    def _frontend(self, world: World, spec: FrontendSpec) -> Arrival:
        person = Person(
            id=spec.id,
            kind="frontend",
            profile=PROFILES[spec.client],
            credentials=self._credentials(spec.id),
            director=self._address,
        )
        actor = Frontend(world, person, do=spec.do, audiences=self._audience)
        return Arrival(at_s=spec.start, actor=actor)

    def _audience(self, to: Recipients) -> Audience:
        envoys = recipients(to, self._roster)
        rounds = [self._trainings[name].rounds for name in envoys]
        return Audience(envoys=envoys, rounds=max(rounds, default=TrainingSpec().rounds))
