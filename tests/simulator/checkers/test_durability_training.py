"""durability: models and metrics told before the Director went down are the same afterwards."""

import pytest

from simulator.history.entry import Json, JsonObject
from tests.simulator.checkers.given import broken, holds, tensor
from tests.simulator.checkers.restarts import DURABILITY, LOSS, MEAN, accepted, back, finished

NEXT: list[Json] = ["a", "train", "loss", 0.5, 1]
OTHER: list[Json] = ["b", "train", "loss", 0.25, 1]


@pytest.mark.parametrize(
    ("model", "said"), [({"w": tensor(2.0)}, "was another"), ({}, "was nothing")]
)
def test_another_model_than_before_is_a_breach(model: JsonObject, said: str) -> None:
    record = back(finished())
    record.fetches("alice", "brain", "last", model).ok()

    assert f"the last model of experiment 'brain' of alice, fetched at 5.0 s, {said}" in (
        broken(record.judged_by(DURABILITY))
    )


def test_the_model_of_what_still_runs_may_change() -> None:
    record = accepted()
    record.fetches("alice", "brain", "last", {"w": tensor(1.0)}).ok()
    back(record)
    record.fetches("alice", "brain", "last", {"w": tensor(2.0)}).ok()

    assert holds(record.judged_by(DURABILITY))


def test_metrics_that_are_gone_are_a_breach() -> None:
    record = back(finished())
    record.follows("alice", "brain", LOSS).ok()

    assert "were only 1; at 5.0 s they were 2" in broken(record.judged_by(DURABILITY))


def test_other_metrics_than_before_are_a_breach() -> None:
    record = back(finished())
    record.follows("alice", "brain", MEAN, LOSS).ok()

    assert "differ from those at 5.0 s from number 1 on" in broken(record.judged_by(DURABILITY))


def test_a_broken_stream_tells_what_had_been_acknowledged() -> None:
    record = accepted()
    stream = record.follows("alice", "brain")
    record.note("director.kill")
    stream.lost(metrics=[LOSS, MEAN])
    record.note("director.start").at(20)
    record.asks_status("alice", "brain", "finished").ok()
    record.follows("alice", "brain", ["a", "train", "loss", 9.0, 0], MEAN).ok()

    assert "from number 1 on" in broken(record.judged_by(DURABILITY))


def test_of_a_round_that_had_not_closed_metrics_may_come_anew() -> None:
    record = accepted()
    record.follows("alice", "brain", LOSS, MEAN, NEXT, OTHER).lost()
    stream = record.follows("alice", "brain")
    stream.lost(metrics=[LOSS, MEAN, NEXT, OTHER])
    back(record)
    record.follows("alice", "brain", LOSS, MEAN, OTHER, NEXT).ok()

    assert holds(record.judged_by(DURABILITY))


def test_a_stream_that_breaks_off_early_says_nothing_of_the_rest() -> None:
    record = back(finished())
    record.follows("alice", "brain").lost(metrics=[LOSS])

    assert holds(record.judged_by(DURABILITY))
