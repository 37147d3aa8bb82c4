"""Whatever happens to a federation, in whatever order: what always holds."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import rule

from director.core.checkpoints import ClosedRound
from director.core.events import (
    ArchiveFetched,
    CollaboratorCalled,
    CollaboratorDismissed,
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
from director.core.model import (
    BlobId,
    EnvoyName,
    ExperimentName,
    Plan,
    Shard,
    Task,
    WaitId,
)
from director.core.snapshots import restore, snapshot_of
from tests.director.core.held import RULES, HeldFederation, snapshot_without_times

PLAN = Plan(rounds=2, tasks=(Task(name="train", function_name="fit", task_type="train"),))

envoys = st.sampled_from(["a", "b", "c", "../d"]).map(EnvoyName)
names = st.sampled_from(["x", "y", "z", ""]).map(ExperimentName)
owners = st.sampled_from(["alice", "bob"])
connections = st.sampled_from(["1", "2"])


class FederationMachine(HeldFederation):
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


TestFederationMachine = FederationMachine.TestCase
TestFederationMachine.settings = settings(max_examples=150, stateful_step_count=40)
