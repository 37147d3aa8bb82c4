"""What always holds of a federation, whatever happens to it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from director.core.effects import Deliver, Effect, EndWait, Release, StartRun, StopRun
from director.core.events import (
    Durable,
    Event,
    ExperimentSubmitted,
    RoundCompleted,
    RunArchived,
)
from director.core.federation import Federation
from director.core.lifecycle import Status, can_move
from director.core.model import (
    BlobId,
    EnvoyName,
    ExperimentId,
    WaitId,
)
from director.core.queries import envoy_views
from director.core.rules import Rules
from director.core.snapshots import Snapshot, snapshot_of
from director.errors import DirectorError

RULES = Rules(max_running_experiments=2, max_waits_per_envoy=3, max_experiments_per_owner=3)


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


class HeldFederation(RuleBasedStateMachine):
    """A federation that is held against what the test remembers by itself."""

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

    def replay(self, federation: Federation) -> None:
        for event, when in self.memory.journal:
            federation.apply(event, when)

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
