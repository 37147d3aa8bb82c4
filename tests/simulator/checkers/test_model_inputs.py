"""model: what collaborators are given is what was learnt."""

import pytest

from simulator.checkers.model import ModelsAreWhatWasLearnt
from simulator.history.entry import JsonObject
from tests.simulator.checkers.given import broken, holds, tensor
from tests.simulator.checkers.training import (
    SECOND,
    THIRD,
    checks,
    inputs_given,
    round_by_all,
    trains,
    uploaded,
)

MODEL = ModelsAreWhatWasLearnt()


def test_everybody_is_given_the_same() -> None:
    record = uploaded()
    record.asks_tasks("a", "brain").ok()

    assert holds(inputs_given(record).judged_by(MODEL))


def test_the_first_model_must_be_the_uploaded_one() -> None:
    record = uploaded()
    record.asks_tasks("a", "brain").ok()
    record.is_given("a", "brain", "w", 0, tensor(0.0, 0.1)).ok()

    assert "tensor 'w' for round 0 of 'brain', which a got at 0.0 s, is not the uploaded" in broken(
        record.judged_by(MODEL)
    )


def test_two_collaborators_must_not_be_given_different_models() -> None:
    record = inputs_given(trains(uploaded(), "a", 0))
    record.is_given("b", "brain", "w", 1, tensor(2.5, 5.000001)).ok()

    assert "is not what a got" in broken(record.judged_by(MODEL))


def test_a_model_must_be_the_weighted_mean() -> None:
    record = round_by_all(uploaded(), 0)
    record.is_given("a", "brain", "w", 1, tensor(2.0, 4.0)).ok()

    assert "is not the weighted mean of what was sent in round 0" in broken(record.judged_by(MODEL))


def test_rounding_is_no_breach() -> None:
    record = round_by_all(uploaded(), 0)
    record.is_given("a", "brain", "w", 1, tensor(2.500001, 5.000001)).ok()

    assert holds(record.judged_by(MODEL))


def test_who_comes_back_late_may_be_given_a_later_model() -> None:
    record = round_by_all(uploaded(), 0)
    record.is_given("a", "brain", "w", 0, SECOND, of_round=1).ok()

    assert holds(record.judged_by(MODEL))


def test_a_later_model_must_be_what_it_is_said_to_be() -> None:
    record = round_by_all(uploaded(), 0)
    record.is_given("a", "brain", "w", 0, THIRD, of_round=1).ok()

    assert "is not the weighted mean of what was sent in round 0" in broken(record.judged_by(MODEL))


def test_in_the_running_round_no_other_model_will_do() -> None:
    record = round_by_all(uploaded(), 0)
    record.is_given("a", "brain", "w", 1, tensor(0.0, 0.0), of_round=0).ok()

    assert "is of round 0, which was over" in broken(record.judged_by(MODEL))


def test_nobody_is_given_the_model_of_a_round_to_come() -> None:
    record = round_by_all(uploaded(), 0)
    record.is_given("a", "brain", "w", 0, THIRD, of_round=2).ok()

    assert "is of round 2, which cannot have begun" in broken(record.judged_by(MODEL))


@pytest.mark.parametrize("given", [SECOND, tensor(3.0, 6.0)])
def test_a_result_without_an_answer_may_have_counted_or_not(given: JsonObject) -> None:
    record = trains(uploaded(), "b", 0)
    call = record.sends("a", "brain", "train", 0, size=10, tensors={"w": tensor(1.0, 2.0)})
    call.touched("link.blackhole", "stall").lost()
    checks(record, "a", 0)
    record.is_given("b", "brain", "w", 1, given).ok()

    assert holds(record.judged_by(MODEL))


def test_an_empty_stream_is_no_result_that_may_have_counted() -> None:
    record = uploaded()
    empty = record.sends("a", "brain", "train", 0, size=0, pieces=0)
    empty.touched("link.blackhole", "stall").lost()
    round_by_all(record, 0)
    record.is_given("b", "brain", "w", 1, tensor(3.0, 6.0)).ok()

    assert "is not the weighted mean" in broken(record.judged_by(MODEL))


@pytest.mark.parametrize(("given", "is_right"), [(tensor(3.0, 6.0), True), (SECOND, False)])
def test_who_did_not_report_everything_does_not_count(given: JsonObject, *, is_right: bool) -> None:
    record = trains(uploaded(), "b", 0)
    record.sends("a", "brain", "train", 0, size=10, tensors={"w": tensor(1.0, 2.0)}).ok()
    record.note("actor.kill", actor="a")

    record.is_given("b", "brain", "w", 1, given).ok()

    assert holds(record.judged_by(MODEL)) is is_right


@pytest.mark.parametrize(
    ("given", "is_right"), [(SECOND, True), (tensor(1.0, 2.0), True), (tensor(3.0, 6.0), False)]
)
def test_where_rounds_do_not_wait_for_the_slow_who_came_last_may_have_been_too_late(
    given: JsonObject, *, is_right: bool
) -> None:
    record = round_by_all(uploaded().told(waits_for_slow=False), 0)

    record.is_given("a", "brain", "w", 1, given).ok()

    assert holds(record.judged_by(MODEL)) is is_right


def test_where_nothing_weighs_anything_all_weigh_the_same() -> None:
    record = uploaded()
    for who, values in (("a", (1.0, 2.0)), ("b", (3.0, 6.0))):
        record.asks_tasks(who, "brain").ok()
        record.sends(who, "brain", "train", 0, size=0, tensors={"w": tensor(*values)}).ok()
    record.is_given("a", "brain", "w", 1, tensor(2.0, 4.0)).ok()

    assert holds(record.judged_by(MODEL))


def test_a_tensor_too_large_to_be_recorded_refutes_nothing() -> None:
    record = round_by_all(uploaded(), 0)
    record.is_given("a", "brain", "w", 1, {"shape": [2], "sha256": "ab"}).ok()

    assert holds(record.judged_by(MODEL))
