"""Whatever happens to a federation, in whatever order: what always holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from director.core.checkpoints import ClosedRound
from director.core.effects import Deliver, Effect, EndWait, Release, StartRun, StopRun
from director.core.events import (
    ArchiveFetched,
    CollaboratorCalled,
    CollaboratorDismissed,
    Durable,
    Event,
    ExperimentRemoved,
    ExperimentReviewed,
    ExperimentSubmitted,
    FailureReported,
    HeartbeatReceived,
    RoundCompleted,
    RunArchived,
    RunFailed,
    RunFinished,
    RunningLimitSet,
    ShardReported,
    WaitClosed,
    WaitOpened,
)
from director.core.federation import Federation
from director.core.lifecycle import Status, can_move
from director.core.model import (
    BlobId,
    EnvoyName,
    ExperimentId,
    ExperimentName,
    Plan,
    Shard,
    Task,
    WaitId,
)
from director.core.queries import envoy_views
from director.core.rules import Rules
from director.core.snapshots import Snapshot, restore, snapshot_of
from director.errors import DirectorError

RULES = Rules(max_running_experiments=2, max_waits_per_envoy=3, max_experiments_per_owner=3)
PLAN = Plan(rounds=2, tasks=(Task(name="train", function_name="fit", task_type="train"),))

envoys = st.sampled_from(["a", "b", "c", "../d"]).map(EnvoyName)
names = st.sampled_from(["x", "y", "z", ""]).map(ExperimentName)
owners = st.sampled_from(["alice", "bob"])
connections = st.sampled_from(["1", "2"])


@dataclass
class Memory:
    """What the test remembers by itself, to hold the federation against."""

    answered: set[WaitId] = field(default_factory=set)
    opened: dict[WaitId, tuple[EnvoyName, str]] = field(default_factory=dict)
    fetched: set[tuple[ExperimentId, EnvoyName, str]] = field(default_factory=set)
    statuses: dict[ExperimentId, Status] = field(default_factory=dict)
    seen_at: dict[EnvoyName, float] = field(default_factory=dict)
    stored: Counter[BlobId] = field(default_factory=Counter)
    journal: list[tuple[Durable, float]] = field(default_factory=list)


class FederationMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.federation = Federation(RULES)
        self.memory = Memory()
        self.now = 100.0
        self.stored = 0
        self.waits = 0

    def tell(self, event: Event) -> Sequence[Effect]:
        """Hand an event over; a refusal must leave no trace."""
        before = self.picture()
        try:
            effects = self.federation.handle(event, self.now)
        except DirectorError:
            assert self.picture() == before
            return ()
        if isinstance(event, Durable):
            self.memory.journal.append((event, self.now))
            self.memory.stored.update(blobs_of(event))
        for effect in effects:
            self.judge(effect)
        return effects

    def picture(self) -> str:
        federation = self.federation
        return repr((list(federation.registry), list(federation.catalogue), federation.catalogue))

    def judge(self, effect: Effect) -> None:
        match effect:
            case Deliver():
                self.judge_delivery(effect)
            case EndWait():
                self.answer(effect.wait)
            case Release():
                released = Counter(effect.blobs)
                assert released <= self.memory.stored, "let go of what was not stored"
                self.memory.stored -= released
            case StartRun():
                experiment = self.federation.catalogue.get(effect.experiment)
                assert experiment is not None
                assert experiment.status is Status.IN_PROGRESS
            case StopRun():
                assert effect.experiment not in {
                    experiment.id for experiment in self.federation.catalogue.running
                }
            case _:
                pass

    def judge_delivery(self, effect: Deliver) -> None:
        envoy, connection = self.memory.opened[effect.wait]
        experiment = self.federation.catalogue.named(effect.experiment)
        assert experiment is not None, "handed out what is not there"
        assert experiment.status is Status.IN_PROGRESS, "handed out what does not run"
        assert envoy in experiment.collaborators, "handed out to a stranger"
        assert (experiment.id, envoy, connection) not in self.memory.fetched, "handed out twice"
        self.answer(effect.wait)

    def answer(self, wait: WaitId) -> None:
        assert wait in self.memory.opened, "answered a long poll that never was"
        assert wait not in self.memory.answered, "answered a long poll twice"
        self.memory.answered.add(wait)

    def ids(self) -> list[ExperimentId]:
        return [*self.memory.statuses, ExperimentId("never")]

    # ------------------------------------------------------------ what may happen

    @rule(seconds=st.sampled_from([0.0, 1.0, 70.0, -30.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(envoy=envoys, fits=st.booleans())
    def register(self, *, envoy: EnvoyName, fits: bool) -> None:
        shape = ("1",) if fits else ("2",)
        shard = Shard(envoy=envoy, sample_shape=shape, target_shape=("1",))
        listed = self.federation.registry.find(envoy) is not None
        self.tell(ShardReported(shard=shard))
        is_accepted = fits and "/" not in envoy
        assert (self.federation.registry.find(envoy) is not None) == (listed or is_accepted)
        if is_accepted:
            self.memory.fetched = {gone for gone in self.memory.fetched if gone[1] != envoy}

    @rule(envoy=envoys, is_running=st.booleans())
    def heartbeat(self, *, envoy: EnvoyName, is_running: bool) -> None:
        self.tell(HeartbeatReceived(envoy=envoy, is_experiment_running=is_running))

    @rule(envoy=envoys, connection=connections)
    def wait(self, envoy: EnvoyName, connection: str) -> None:
        self.waits += 1
        wait = WaitId(self.waits)
        self.memory.opened[wait] = (envoy, connection)
        self.tell(WaitOpened(wait=wait, envoy=envoy, connection=connection))

    @rule(data=st.data())
    def close_wait(self, data: st.DataObject) -> None:
        wait = WaitId(data.draw(st.integers(0, self.waits)))
        self.tell(WaitClosed(wait=wait))
        self.memory.opened.pop(wait, None)

    @rule(
        name=names,
        owner=owners,
        collaborators=st.lists(envoys, max_size=3),
        needs_review=st.booleans(),
    )
    def submit(
        self,
        *,
        name: ExperimentName,
        owner: str,
        collaborators: list[EnvoyName],
        needs_review: bool,
    ) -> None:
        self.stored += 1
        holder = self.federation.catalogue.named(name)
        self.tell(
            ExperimentSubmitted(
                name=name,
                owner=owner,
                collaborators=tuple(collaborators),
                plan=PLAN,
                archive=BlobId(f"archive {self.stored}"),
                model=BlobId(f"model {self.stored}"),
                needs_review=needs_review,
            )
        )
        if holder is not None:
            assert self.federation.catalogue.named(name) is holder, "a name was taken over"

    @rule(data=st.data(), is_approved=st.booleans())
    def review(self, *, data: st.DataObject, is_approved: bool) -> None:
        experiment = data.draw(st.sampled_from(self.ids()))
        self.tell(ExperimentReviewed(experiment=experiment, is_approved=is_approved))

    @rule(data=st.data(), succeeds=st.booleans())
    def end_run(self, *, data: st.DataObject, succeeds: bool) -> None:
        experiment = data.draw(st.sampled_from(self.ids()))
        if succeeds:
            self.tell(RunFinished(experiment=experiment))
        else:
            self.tell(RunFailed(experiment=experiment, reason="broken"))

    @rule(data=st.data(), number=st.integers(0, 2), is_best=st.booleans(), misses=st.booleans())
    def close_round(self, *, data: st.DataObject, number: int, is_best: bool, misses: bool) -> None:
        experiment = data.draw(st.sampled_from(self.ids()))
        self.stored += 1
        closed = ClosedRound(
            number=number,
            # Rounds that change nothing give the same model again.
            model=BlobId(f"trained {self.stored % 3}"),
            memory=BlobId(f"memory {self.stored}") if self.stored % 2 else None,
            is_best=is_best,
            score=0.5,
            missing=(EnvoyName("a"),) if misses else (),
        )
        self.tell(RoundCompleted(experiment=experiment, closed=closed))

    @rule(data=st.data(), has_metrics=st.booleans())
    def archive(self, *, data: st.DataObject, has_metrics: bool) -> None:
        experiment = data.draw(st.sampled_from(self.ids()))
        self.stored += 1
        metrics = BlobId(f"metrics {self.stored % 3}") if has_metrics else None
        self.tell(
            RunArchived(experiment=experiment, metrics=metrics, statuses={EnvoyName("b"): "absent"})
        )

    @rule(limit=st.integers(1, 3))
    def limit_running(self, limit: int) -> None:
        self.tell(RunningLimitSet(limit=limit))

    @rule(from_snapshot=st.booleans())
    def restart(self, *, from_snapshot: bool) -> None:
        before, self.federation = self.federation, Federation(RULES)
        if from_snapshot:
            restore(self.federation, snapshot_of(before))
        else:
            self.replay(self.federation)
            self.memory.seen_at.clear()
        assert snapshot_without_times(self.federation) == snapshot_without_times(before)
        self.memory.opened.clear()
        self.memory.fetched.clear()

    def replay(self, federation: Federation) -> None:
        for event, when in self.memory.journal:
            federation.apply(event, when)

    @rule(data=st.data(), envoy=envoys, connection=connections)
    def fetch(self, data: st.DataObject, envoy: EnvoyName, connection: str) -> None:
        experiment = data.draw(st.sampled_from(self.ids()))
        self.tell(ArchiveFetched(experiment=experiment, collaborator=envoy, connection=connection))
        if self.federation.registry.find(envoy) is not None:
            self.memory.fetched.add((experiment, envoy, connection))

    @rule(data=st.data(), envoy=envoys, is_last=st.booleans())
    def call_aggregator(self, *, data: st.DataObject, envoy: EnvoyName, is_last: bool) -> None:
        experiment = data.draw(st.sampled_from(self.ids()))
        self.tell(CollaboratorCalled(experiment=experiment, collaborator=envoy))
        if is_last:
            self.tell(CollaboratorDismissed(experiment=experiment, collaborator=envoy))

    @rule(name=names, envoy=envoys)
    def report_failure(self, name: ExperimentName, envoy: EnvoyName) -> None:
        event = FailureReported(experiment=name, collaborator=envoy)
        if self.federation.careers.is_about_another(event):
            return  # not even written down
        is_moot = self.federation.why_disregard(event) is not None
        before = self.picture()
        self.tell(event)
        assert (self.picture() == before) == is_moot

    @rule(name=names, owner=owners)
    def remove(self, name: ExperimentName, owner: str) -> None:
        before = self.federation.catalogue.named(name)
        self.tell(ExperimentRemoved(name=name, owner=owner))
        if before is not None:
            is_gone = self.federation.catalogue.named(name) is None
            assert is_gone == (before.owner == owner)

    # ------------------------------------------------------------ what always holds

    @invariant()
    def statuses_move_along_the_table_and_end_for_good(self) -> None:
        for experiment in self.federation.catalogue:
            before = self.memory.statuses.get(experiment.id, Status.PENDING)
            after = experiment.status
            assert before == after or can_move(before, after)
            self.memory.statuses[experiment.id] = after

    @invariant()
    def nobody_is_seen_earlier_than_before(self) -> None:
        for view in envoy_views(self.federation, self.now, viewer="alice"):
            name = view.shard.envoy
            assert view.seen_at >= self.memory.seen_at.get(name, 0.0)
            assert view.is_online == (self.now < view.seen_at + 120.0)
            self.memory.seen_at[name] = view.seen_at

    @invariant()
    def limits_hold(self) -> None:
        assert len(self.federation.catalogue.running) <= 3
        assert all(len(envoy.waits) <= 3 for envoy in self.federation.registry)
        for owner in ("alice", "bob"):
            assert sum(held.owner == owner for held in self.federation.catalogue) <= 3

    @invariant()
    def nothing_waits_that_could_run(self) -> None:
        catalogue = self.federation.catalogue
        ready = [e for e in catalogue if e.status is Status.PENDING and e.is_reviewed]
        free = catalogue.running_limit - len(catalogue.running)
        running = Counter(experiment.owner for experiment in catalogue.running)
        assert all(free <= running[experiment.owner] for experiment in ready)

    @invariant()
    def parked_long_polls_are_open_ones(self) -> None:
        waits = self.federation.registry.waits
        assert all(wait in self.memory.opened for wait in waits)
        assert not self.memory.answered & waits.keys()
        assert len(waits) == sum(len(envoy.waits) for envoy in self.federation.registry)

    @invariant()
    def an_envoy_is_left_waiting_only_beside_another_answer(self) -> None:
        for envoy in self.federation.registry:
            for wait in envoy.newest_waits():
                due = self.federation.catalogue.due_to(envoy.name, wait.epoch, self.now)
                assert due is None or due.parts[envoy.name].handed_epoch > 0

    @invariant()
    def what_was_stored_is_either_needed_or_let_go_of(self) -> None:
        assert Counter(self.federation.blobs()) == self.memory.stored

    def teardown(self) -> None:
        """What was written down gives the same federation again."""
        if not hasattr(self, "federation"):
            return
        again = Federation(RULES)
        self.replay(again)
        assert snapshot_without_times(again) == snapshot_without_times(self.federation)


def snapshot_without_times(federation: Federation) -> Snapshot:
    """All that is remembered, but for when envoys were heard of: heartbeats are forgotten."""
    snapshot = snapshot_of(federation)
    envoys = tuple(replace(record, seen_at=0.0) for record in snapshot.envoys)
    return replace(snapshot, envoys=envoys)


def blobs_of(event: Durable) -> tuple[BlobId, ...]:
    match event:
        case ExperimentSubmitted():
            return event.archive, event.model
        case RoundCompleted():
            return event.closed.blobs
        case RunArchived() if event.metrics is not None:
            return (event.metrics,)
        case _:
            return ()


TestFederationMachine = FederationMachine.TestCase
TestFederationMachine.settings = settings(max_examples=150, stateful_step_count=40)
