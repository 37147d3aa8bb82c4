"""A simulated envoy: it registers, lives by its heartbeats, and trains what it is handed.

How it bears errors is its profile's; what it does in a run is `collaborator.py`'s.
"""

import math

import grpc

from simulator.actors.actor import ActorBase, Person
from simulator.actors.collaborator import Collaborator, Pace, TrainingError
from simulator.actors.collaborator_client import CollaboratorClient, Membership, WrongReplyError
from simulator.actors.downloads import ArchiveError, DownloadError, downloaded
from simulator.actors.envoy_client import EnvoyClient
from simulator.actors.hands import Hands
from simulator.actors.plan import ReadPlan
from simulator.actors.recording import CallError
from simulator.actors.shard import ShardSpec
from simulator.actors.training import Learner, TrainingSpec
from simulator.units import draw
from simulator.world import World

# A long poll that lasted so long was one; the next may follow at once.
_LONG_S = 1.0
# What OpenFL's loop takes for one turn, where a Director tells it a period of nothing.
_SPIN_S = 0.001
# What OpenFL's envoys send with every failure.
_FAILED = 1
# A heartbeat that hurries stays below two a period.
_HURRY = 0.75


class DeadError(Exception):
    """An error that this envoy does not survive."""


class Envoy(ActorBase):
    """One envoy; does one experiment at a time, as OpenFL's do."""

    def __init__(
        self, world: World, person: Person, *, shard: ShardSpec, training: TrainingSpec
    ) -> None:
        super().__init__(world, person)
        self._profile = person.profile
        self._shard = shard
        self._training = training
        self._chance = self._random("retries")
        self._learner: Learner | None = None
        self._is_running = False
        self._is_registering = False

    async def _live(self) -> None:
        self._is_running = self._is_registering = False
        client = EnvoyClient(self._caller())
        try:
            await self._register(client, "envoy.registered")
            self._spawn(self._beat(client))
            await self._work(client)
        except DeadError as error:
            self._note("envoy.dead", {"why": str(error)})

    # ------------------------------------------------------------ registering and living

    async def _register(self, client: EnvoyClient, topic: str) -> None:
        """Register until it is accepted; raises DeadError where it is not wanted."""
        self._is_registering = True
        try:
            is_accepted = await self._reported(client)
        finally:
            self._is_registering = False
        if not is_accepted:
            raise DeadError("its shard was not accepted")
        self._note(topic, {})

    async def _reported(self, client: EnvoyClient) -> bool:
        attempt = 0
        while True:
            try:
                return await client.report_shard(self._shard)
            except CallError as error:
                if error.is_refusal:
                    raise DeadError(f"registration: {error.code.name}") from error
            await self._sleep(self._profile.retry.draw(attempt, self._chance))
            attempt += 1

    async def _beat(self, client: EnvoyClient) -> None:
        """Send heartbeats for as long as it lives."""
        period_s = self._profile.silent_s
        try:
            while True:
                pause_s, period_s = await self._beat_once(client, period_s)
                await self._sleep(max(pause_s, _SPIN_S))
        except DeadError as error:
            self._note("envoy.dead", {"why": str(error)})

    async def _beat_once(self, client: EnvoyClient, period_s: float) -> tuple[float, float]:
        """Return the seconds until the next heartbeat, and the period as far as it is known."""
        profile = self._profile
        deadline_s = profile.heartbeat_deadline_s
        if profile.heart_hurries and deadline_s is not None:
            deadline_s = min(deadline_s, period_s)
        try:
            period_s = await client.report_heartbeat(
                self.id,
                is_running=self._is_running,
                devices=self._shard.device_protos(),
                deadline_s=deadline_s,
            )
        except CallError as error:
            if error.code is grpc.StatusCode.NOT_FOUND:
                await self._register_again(client)
            elif not profile.heart_survives_errors:
                raise DeadError(f"heartbeat: {error.code.name}") from error
            elif profile.heart_hurries:
                return period_s * _HURRY, period_s
        else:
            period_s = math.floor(period_s) if profile.whole_seconds else period_s
        return period_s, period_s

    async def _register_again(self, client: EnvoyClient) -> None:
        # Heartbeat and long poll may both learn that the Director has forgotten us.
        if not self._is_registering:
            await self._register(client, "envoy.reregistered")

    # ------------------------------------------------------------ working

    async def _work(self, client: EnvoyClient) -> None:
        """Wait for experiments and do them, one after the other."""
        in_vain = 0
        while True:
            asked_at = self._world.now()
            experiment = await self._wait(client)
            if experiment:
                in_vain = 0
                self._note("experiment.distributed", {"experiment": experiment})
                await self._take_part(client, experiment)
                await self._sleep(self._profile.breath_s)
                continue
            in_vain = 0 if self._world.now() - asked_at >= _LONG_S else in_vain + 1
            await self._sleep(self._profile.ask_again.draw(in_vain, self._chance))

    async def _wait(self, client: EnvoyClient) -> str:
        """Return an experiment to do, or "" where there is none to be had now."""
        try:
            return await client.wait_experiment(self.id)
        except CallError as error:
            if error.code is grpc.StatusCode.NOT_FOUND and not self._profile.heart_alone_registers:
                await self._register_again(client)
            return ""

    async def _take_part(self, client: EnvoyClient, experiment: str) -> None:
        hands = self._hands()
        try:
            plan = await downloaded(
                client, experiment=experiment, name=self.id, profile=self._profile, hands=hands
            )
            self._is_running = True
            await self._collaborator(experiment, plan, hands).run()
        except DownloadError as error:
            # Not ours to report: whoever could not be reached then will hand it out again.
            self._survive(error)
        except (ArchiveError, TrainingError, WrongReplyError, CallError) as error:
            self._is_running = False
            await self._report_failure(client, experiment, str(error))
        finally:
            self._is_running = False

    def _collaborator(self, experiment: str, plan: ReadPlan, hands: Hands) -> Collaborator:
        is_usual = plan.address == self._person.director
        membership = Membership(
            experiment=experiment,
            name=self.id,
            federation=plan.federation,
            aggregator=plan.aggregator,
        )
        return Collaborator(
            CollaboratorClient(self._caller(None if is_usual else plan.address), membership),
            self._data(),
            experiment=experiment,
            planned=plan.tasks,
            profile=self._profile,
            pace=self._pace(experiment, plan.rounds),
            hands=hands,
        )

    def _pace(self, experiment: str, rounds: int) -> Pace:
        random = self._random(f"training/{experiment}")
        takes_s = draw(self._training.takes, random)
        breaks, breaks_in = random.random() < self._training.fails, random.randrange(rounds)
        return Pace(round_s=takes_s / rounds, breaks_in=breaks_in if breaks else None)

    def _data(self) -> Learner:
        """Return the data, the same ones through all restarts."""
        if self._learner is None:
            self._learner = Learner(self._random("shard"), self._shard.n_samples)
        return self._learner

    async def _report_failure(self, client: EnvoyClient, experiment: str, why: str) -> None:
        profile = self._profile
        for attempt in range(profile.attempts):
            try:
                await client.report_failure(experiment, self.id, _FAILED, why)
            except CallError as error:
                self._survive(error)
                if error.is_refusal:
                    return
            else:
                return
            await self._sleep(profile.retry.draw(attempt, self._chance))

    def _survive(self, error: Exception) -> None:
        """Raise DeadError where that error ends this envoy."""
        if not self._profile.loop_survives_errors:
            raise DeadError(str(error)) from error
