"""model: what is fetched is what was learnt."""

import pytest

from simulator.checkers.model import ModelsAreWhatWasLearnt
from simulator.history.entry import JsonObject
from tests.simulator.checkers.given import Given, broken, holds, is_silent, tensor
from tests.simulator.checkers.training import (
    FIRST,
    SECOND,
    THIRD,
    checks,
    finished,
    inputs_given,
    round_by_all,
    trains,
    uploaded,
    whole_run,
)

MODEL = ModelsAreWhatWasLearnt()


def fetched(record: Given, kind: str, model: JsonObject) -> Given:
    record.fetches("alice", "brain", kind, model).ok()
    return record


def test_models_of_a_whole_run_hold() -> None:
    record = uploaded()
    trains(record, "a", 0)
    trains(record, "b", 0)
    fetched(record, "last", {"w": SECOND})
    finished(round_by_all(record, 1))
    fetched(record, "last", {"w": THIRD})
    fetched(record, "best", FIRST)

    assert holds(record.judged_by(MODEL))


# ---------------------------------------------------------------- last


def test_before_the_first_round_there_must_be_nothing() -> None:
    begun = trains(uploaded(), "a", 0)
    unbegun = uploaded()

    assert holds(fetched(unbegun, "last", {}).judged_by(MODEL))
    assert "was not empty, though no round had begun" in broken(
        fetched(unbegun, "best", FIRST).judged_by(MODEL)
    )
    assert is_silent(fetched(begun, "last", {}).judged_by(MODEL))


def test_before_any_result_was_sent_there_must_be_nothing() -> None:
    record = uploaded()
    record.asks_tasks("a", "brain").ok()

    assert "though no round can have closed" in broken(
        fetched(record, "last", FIRST).judged_by(MODEL)
    )


def test_after_the_first_round_there_must_be_something() -> None:
    record = round_by_all(uploaded(), 0)
    record.asks_tasks("a", "brain", round_number=1).ok()

    assert "was empty, though round 0 had closed" in broken(
        fetched(record, "best", {}).judged_by(MODEL)
    )


def test_the_last_model_must_be_the_last() -> None:
    assert "the last model of 'brain' that alice got at 0.0 s is not what 2 rounds made" in broken(
        fetched(whole_run(), "last", {"w": SECOND}).judged_by(MODEL)
    )


@pytest.mark.parametrize("last", [SECOND, THIRD])
def test_while_a_round_may_just_have_closed_either_may_be_the_last(last: JsonObject) -> None:
    record = round_by_all(uploaded(), 0)
    round_by_all(record, 1)

    assert holds(fetched(record, "last", {"w": last}).judged_by(MODEL))


def test_the_last_model_must_be_the_same_for_everybody_bit_for_bit() -> None:
    record = fetched(whole_run(), "last", {"w": THIRD})
    fetched(record, "last", {"w": tensor(5.0, 10.000001)})

    assert "is not what 2 rounds made of what was sent" in broken(record.judged_by(MODEL))


def test_the_last_model_must_be_what_collaborators_went_on_from() -> None:
    record = inputs_given(trains(uploaded(), "a", 0))
    record.asks_tasks("a", "brain", round_number=1).ok()

    assert "is not what 1 round made" in broken(
        fetched(record, "last", {"w": tensor(2.5, 5.000001)}).judged_by(MODEL)
    )


def test_a_model_must_have_all_tensors() -> None:
    assert "is not what 2 rounds made" in broken(
        fetched(whole_run(), "last", {"other": THIRD}).judged_by(MODEL)
    )


# ---------------------------------------------------------------- best


def test_the_best_model_must_be_the_one_that_scored_best() -> None:
    assert (
        "the best model of 'brain' that alice got at 0.0 s is not the model that went into round 0"
        in broken(fetched(whole_run(), "best", {"w": THIRD}).judged_by(MODEL))
    )


def test_of_two_that_score_the_same_either_may_be_best() -> None:
    for best in (FIRST, {"w": SECOND}):
        record = uploaded()
        for round_number in (0, 1):
            for who in ("a", "b"):
                trains_with_score(record, who, round_number, 0.5)
        finished(record)

        assert holds(fetched(record, "best", best).judged_by(MODEL))


def test_a_later_model_that_scores_better_must_be_the_best() -> None:
    record = uploaded()
    for round_number, score in ((0, 0.5), (1, 0.75)):
        for who in ("a", "b"):
            trains_with_score(record, who, round_number, score)
    finished(record)

    assert holds(fetched(record, "best", {"w": SECOND}).judged_by(MODEL))
    assert "went into round 1" in broken(fetched(record, "best", FIRST).judged_by(MODEL))


def trains_with_score(record: Given, who: str, round_number: int, score: float) -> None:
    sizes, values = {"a": 10, "b": 30}, {"a": (1.0, 2.0), "b": (3.0, 6.0)}
    record.asks_tasks(who, "brain", round_number=round_number).ok()
    record.sends(
        who,
        "brain",
        "train",
        round_number,
        size=sizes[who],
        tensors={"w": tensor(*values[who])},
    ).ok()
    metrics: JsonObject = {"score": [score, "validate_agg"]}
    record.sends(who, "brain", "check", round_number, size=sizes[who], metrics=metrics).ok()


def test_without_scores_any_model_may_be_best() -> None:
    record = uploaded()
    for who in ("a", "b"):
        record.asks_tasks(who, "brain").ok()
        record.sends(who, "brain", "train", 0, tensors={"w": tensor(1.0, 2.0)}).ok()

    assert holds(fetched(record, "best", {"w": tensor(9.0, 9.0)}).judged_by(MODEL))


def test_what_a_stranger_was_given_is_not_judged_here() -> None:
    record = whole_run()
    record.fetches("bob", "brain", "last", {"w": tensor(9.0, 9.0)}).ok()

    assert is_silent(record.judged_by(MODEL))


def test_scores_that_came_late_leave_it_open_which_is_best() -> None:
    record = uploaded()
    for round_number in (0, 1):
        trains(record, "b", round_number)
        record.after(1).note("actor.kill", actor="a")
        record.after(1).there_are("envoy", "a")
        record.asks_tasks("a", "brain", round_number=round_number).ok()
        checks(record, "a", round_number)

    assert holds(fetched(record, "best", FIRST).judged_by(MODEL))


def test_a_difference_between_models_is_not_a_model() -> None:
    record = round_by_all(uploaded(), 0)
    request: JsonObject = {
        "experiment": "brain",
        "name": "a",
        "federation": "plan.yaml_brain",
        "tensor": "w",
        "round": 1,
        "tags": ["aggregated", "delta", "compressed"],
    }
    record.call(
        "a", "GetAggregatedTensor", request, tensor=tensor(9.0, 9.0), tags=["delta"], round=1
    ).ok()

    assert record.judged_by(MODEL).occasions == 0


def test_a_tensor_that_two_tasks_send_may_be_anything() -> None:
    record = round_by_all(uploaded(), 0)
    record.sends("a", "brain", "tune", 0, tensors={"w": tensor(7.0, 7.0)}).ok()
    record.is_given("a", "brain", "w", 1, tensor(9.0, 9.0)).ok()

    assert holds(record.judged_by(MODEL))


def test_tensors_that_do_not_fit_together_have_no_mean() -> None:
    record = uploaded()
    for who, sent in (("a", tensor(1.0)), ("b", tensor(1.0, 2.0))):
        record.asks_tasks(who, "brain").ok()
        record.sends(who, "brain", "train", 0, tensors={"w": sent}).ok()
    record.is_given("a", "brain", "w", 1, tensor(9.0, 9.0)).ok()

    assert holds(record.judged_by(MODEL))


def test_a_tensor_of_another_shape_is_not_the_mean() -> None:
    record = round_by_all(uploaded(), 0)
    record.is_given("a", "brain", "w", 1, tensor(2.5, 5.0, 0.0)).ok()

    assert "is not the weighted mean" in broken(record.judged_by(MODEL))


def test_what_was_too_large_to_be_recorded_has_no_mean() -> None:
    record = uploaded()
    large: JsonObject = {"shape": [2], "sha256": "ab"}
    for who in ("a", "b"):
        record.asks_tasks(who, "brain").ok()
        record.sends(who, "brain", "train", 0, tensors={"w": large}).ok()
    record.is_given("a", "brain", "w", 1, tensor(9.0, 9.0)).ok()

    assert holds(record.judged_by(MODEL))


def test_where_too_many_results_may_have_counted_nothing_is_refuted() -> None:
    names = [f"env-{number}" for number in range(7)]
    record = Given().envoys(*names)
    record.uploads("alice", "brain", names, rounds=2, model=FIRST).ok()
    record.asks_tasks("env-0", "brain").ok()
    for name in names:
        record.sends(name, "brain", "train", 0, tensors={"w": tensor(1.0, 1.0)}).lost()
    record.is_given("env-0", "brain", "w", 1, tensor(9.0, 9.0)).ok()

    assert holds(record.judged_by(MODEL))


def test_what_was_sent_again_unchanged_is_one_way() -> None:
    record = uploaded()
    for who in ("a", "b"):
        record.asks_tasks(who, "brain").ok()
        for _ in range(9):
            record.sends(who, "brain", "train", 0, tensors={"w": tensor(1.0, 1.0)}).lost()
    record.is_given("a", "brain", "w", 1, tensor(9.0, 9.0)).ok()

    assert "is not the weighted mean" in broken(record.judged_by(MODEL))


def test_two_federations_of_one_upload_leave_open_what_counted() -> None:
    record = whole_run()
    request: JsonObject = {"experiment": "brain", "name": "a", "federation": "another"}
    record.call("a", "GetTasks", request, round=0, tasks=["train"], sleep_s=0, quit=False).ok()

    assert is_silent(fetched(record, "last", {"w": tensor(9.0, 9.0)}).judged_by(MODEL))


def test_what_impostors_and_outsiders_send_does_not_count() -> None:
    record = uploaded("mtls").attackers("eve")
    trains(record, "a", 0)
    trains(record, "b", 0)
    odd: JsonObject = {"w": tensor(900.0, 900.0)}
    record.sends("a", "brain", "train", 1, tensors=odd, by="eve").ok()
    record.sends("eve", "brain", "train", 0, tensors=odd, by="eve").ok()
    record.asks_tasks("a", "brain", tasks=(), quit_=True).ok()
    record.is_given("a", "brain", "w", 1, SECOND).ok()

    assert holds(record.judged_by(MODEL))


def test_a_finished_experiment_without_a_run_is_not_judged_by_one() -> None:
    record = uploaded()
    record.asks_tasks("a", "never-was").ok()
    finished(record)

    assert holds(fetched(record, "last", {}).judged_by(MODEL))
