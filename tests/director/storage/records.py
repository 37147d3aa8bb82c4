"""Events and snapshots to store."""

from dataclasses import replace

from director.core.checkpoints import Checkpoint, ClosedRound, Completed
from director.core.events import (
    Durable,
    ExperimentRemoved,
    ExperimentReviewed,
    ExperimentSubmitted,
    FailureReported,
    RoundCompleted,
    RunArchived,
    RunFailed,
    RunFinished,
    RunningLimitSet,
    ShardReported,
)
from director.core.lifecycle import Status
from director.core.model import (
    BlobId,
    Device,
    EnvoyName,
    ExperimentId,
    ExperimentName,
    Haste,
    Metric,
    Plan,
    Shard,
    Task,
    TaskGroup,
)
from director.core.snapshots import EnvoyRecord, ExperimentRecord, Snapshot

A, B = EnvoyName("a"), EnvoyName("b")
MRI, MRI_ID = ExperimentName("brain-mri"), ExperimentId("1@1700000000.000000")
SHARD = Shard(
    envoy=A,
    description="Größe: 3 µm\n",
    n_samples=2**53 + 1,
    sample_shape=("64", "64"),
    target_shape=("1",),
    devices=(Device(index=1, memory_total=2**64 - 1, name="gpu"),),
)
PLAN = Plan(
    rounds=3,
    tasks=(Task(name="train", function_name="fit", task_type="train", apply_local=True),),
    compression="kc",
    aggregations={"fit": "median"},
    groups=(TaskGroup(tasks=("train",), collaborators=(A,), share=0.5),),
    haste=Haste(after_s=1.5, share=0.6, minimum=2),
)
METRIC = Metric(origin="a", task="train", name="loss", value=0.1, round=0)
CHECKPOINT = Checkpoint(
    models={2: BlobId("2" * 64), 3: BlobId("3" * 64)},
    round=3,
    best_round=2,
    best_score=0.75,
    memory=BlobId("m" * 64),
    stragglers={B: Completed(rounds=1, last=0)},
    metrics=(METRIC,),
    stored_metrics=BlobId("s" * 64),
    statuses={B: "dropped"},
)
EVENTS: list[Durable] = [
    ShardReported(shard=SHARD),
    ExperimentSubmitted(
        name=MRI,
        owner="alice",
        collaborators=(A, B),
        plan=PLAN,
        archive=BlobId("a" * 64),
        model=BlobId("b" * 64),
        address="director.example.org",
        port=50052,
        needs_review=True,
    ),
    ExperimentReviewed(experiment=MRI_ID, is_approved=True, reason="looks good"),
    RoundCompleted(
        experiment=MRI_ID,
        closed=ClosedRound(
            number=0,
            model=BlobId("c" * 64),
            memory=BlobId("d" * 64),
            is_best=True,
            score=0.5,
            metrics=(METRIC,),
            missing=(B,),
        ),
    ),
    RunFinished(experiment=MRI_ID),
    RunFailed(experiment=MRI_ID, reason="no memory"),
    RunArchived(experiment=MRI_ID, metrics=BlobId("e" * 64), statuses={B: "absent"}),
    FailureReported(experiment=MRI, collaborator=A, code=3, description="it broke"),
    ExperimentRemoved(name=MRI, owner="alice"),
    RunningLimitSet(limit=3),
]
SNAPSHOT = Snapshot(
    submissions=3,
    running_limit=2,
    envoys=(EnvoyRecord(shard=SHARD, seen_at=1_700_000_000.123456),),
    experiments=(
        ExperimentRecord(
            id=MRI_ID,
            name=MRI,
            owner="alice",
            collaborators=(A, B),
            plan=PLAN,
            archive=BlobId("a" * 64),
            checkpoint=CHECKPOINT,
            address=None,
            port=50052,
            is_reviewed=True,
            status=Status.FINISHED,
            reason="because",
            ended_at=1_700_000_001.5,
        ),
    ),
    ready=(MRI_ID,),
    running=(MRI_ID,),
    removed={ExperimentName("gone"): (A, B)},
)


def written_by(version: int) -> tuple[Snapshot, list[Durable]]:
    """The same as that version has meant them."""
    if version > 1:
        return SNAPSHOT, EVENTS
    events = [
        replace(event, is_shared=False) if isinstance(event, ExperimentSubmitted) else event
        for event in EVENTS
    ]
    return replace(SNAPSHOT, is_shared=False), events


def finished(number: int) -> RunFinished:
    """An event like no other."""
    return RunFinished(experiment=ExperimentId(str(number)))
