"""What a run goes on from: what is kept of its rounds, and what is let go of."""

from dataclasses import replace

from director.core.checkpoints import Checkpoint, ClosedRound, Completed
from director.core.model import BlobId, EnvoyName, Metric, ModelKind

A, B = EnvoyName("a"), EnvoyName("b")
BEGIN = Checkpoint(models={0: BlobId("m0")})


def closed(number: int, **told: object) -> ClosedRound:
    plain = ClosedRound(number=number, model=BlobId(f"m{number + 1}"), score=0.5)
    return replace(plain, **told)  # type: ignore[arg-type]


def after(*rounds: ClosedRound) -> Checkpoint:
    checkpoint = BEGIN
    for each in rounds:
        checkpoint = checkpoint.after(each)
    return checkpoint


def test_before_the_first_round_there_is_no_trained_model() -> None:
    assert [BEGIN.model(kind) for kind in ModelKind] == [None, None]
    assert BEGIN.at_the_end().blobs == ()


def test_the_last_two_models_and_the_best_are_kept() -> None:
    checkpoint = after(closed(0), closed(1, is_best=True), closed(2), closed(3), closed(4))

    assert checkpoint.models == {1: "m1", 4: "m4", 5: "m5"}
    assert checkpoint.model(ModelKind.BEST) == "m1"
    assert checkpoint.model(ModelKind.LAST) == "m5"


def test_only_trained_models_are_left_at_the_end() -> None:
    checkpoint = after(closed(0, is_best=True, memory=BlobId("memory")), closed(1)).at_the_end()

    assert checkpoint.blobs == ("m0", "m2")


def test_the_same_model_twice_is_stored_twice() -> None:
    checkpoint = after(closed(0), closed(1, model=BlobId("m1")))

    assert checkpoint.blobs == ("m1", "m1")


def test_who_missed_a_round_is_known_and_everybody_else_needs_no_word() -> None:
    checkpoint = after(closed(0), closed(1, missing=(B,)), closed(2))

    assert checkpoint.stragglers == {B: Completed(rounds=2, last=2)}
    assert checkpoint.completed_by(A) == Completed(rounds=3, last=2)
    assert after(closed(0, missing=(A,))).completed_by(A) == Completed(rounds=0, last=None)


def test_metrics_are_put_away_for_a_blob_of_them() -> None:
    metric = Metric(origin="a", task="train", name="loss", value=0.1, round=0)
    checkpoint = after(closed(0, metrics=(metric,)))
    assert checkpoint.metrics == (metric,)

    archived = checkpoint.at_the_end().archived(BlobId("metrics"), {B: "absent"})

    assert (archived.metrics, archived.statuses) == ((), {B: "absent"})
    assert archived.blobs == ("m1", "metrics")
