"""ownership: what strangers learn, and whether absent and not-yours look the same."""

import pytest

from simulator.checkers.base import Validity
from simulator.checkers.ownership import StrangersLearnNothing
from simulator.history.entry import Json
from tests.simulator.checkers.given import Given, broken, holds, is_silent, shown, tensor
from tests.simulator.checkers.record import Operation

OWNERSHIP = StrangersLearnNothing()
METRIC: list[Json] = ["a", "train", "loss", 0.5, 0]


def uploaded() -> Given:
    record = Given().frontends("alice", "tom")
    record.uploads("alice", "brain", ["a"]).ok()
    return record


def test_an_owner_may_know_everything() -> None:
    record = uploaded()
    record.asks_status("alice", "brain").ok()
    record.removes("alice", "brain").ok()
    record.call("alice", "GetExperimentsList", experiments=[]).ok()

    assert holds(record.judged_by(OWNERSHIP))


@pytest.mark.parametrize("answer", ["refused", "empty"])
def test_absent_and_not_yours_may_both_be_nothing(answer: str) -> None:
    record = uploaded()
    for experiment in ("brain", "never-was"):
        asked = record.asks_status("tom", experiment)
        if answer == "empty":
            asked.ok(status="")
        else:
            asked.refused("NOT_FOUND", f"you have no experiment named '{experiment}'")

    assert holds(record.judged_by(OWNERSHIP))


@pytest.mark.parametrize(
    ("topic", "answer", "learnt"),
    [
        ("GetExperimentStatus", {"status": "pending"}, "was told the status (pending) of"),
        ("GetExperimentDescription", {"status": "failed"}, "was told the status (failed) of"),
        ("GetTrainedModel", {"tensors": {"w": tensor(1.0)}}, "was given a model of"),
        ("GetMetricStream", {"metrics": [METRIC]}, "was sent metrics of"),
        ("RemoveExperimentData", {"acknowledged": True}, "was told to have removed"),
    ],
)
def test_a_stranger_must_learn_nothing(topic: str, answer: dict[str, Json], learnt: str) -> None:
    record = uploaded()
    record.at(5).call("tom", topic, {"experiment": "brain"}, **answer).ok()

    assert f"tom {learnt} 'brain' at 5.0 s, which is that of alice" in broken(
        record.judged_by(OWNERSHIP)
    )


def test_metrics_of_a_stream_that_broke_were_learnt_too() -> None:
    record = uploaded()
    record.follows("tom", "brain").lost("KILLED", "", metrics=[METRIC])

    assert "was sent metrics of" in broken(record.judged_by(OWNERSHIP))


def test_removing_what_is_not_there_must_not_be_acknowledged() -> None:
    record = uploaded()
    record.removes("tom", "never-was").ok()

    assert "was told to have removed 'never-was'" in broken(record.judged_by(OWNERSHIP))


def asked(record: Given, experiment: str) -> Operation:
    return record.asks_status("tom", experiment)


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "NOT_FOUND"])
def test_another_answer_for_not_yours_than_for_absent_is_a_breach(code: str) -> None:
    record = uploaded()
    asked(record, "brain").refused(code, "hands off")
    asked(record, "never-was").refused("NOT_FOUND", "no such experiment")

    assert "GetExperimentStatus tells strangers what exists" in broken(record.judged_by(OWNERSHIP))


def test_empty_for_not_yours_and_an_error_for_absent_is_a_breach() -> None:
    record = uploaded()
    asked(record, "brain").ok(status="")
    asked(record, "never-was").refused("NOT_FOUND", "no such experiment")

    assert "tells strangers what exists" in broken(record.judged_by(OWNERSHIP))


def test_an_odd_answer_without_one_to_compare_it_with_is_unknown() -> None:
    record = uploaded()
    asked(record, "brain").refused("PERMISSION_DENIED", "hands off")

    assert record.judged_by(OWNERSHIP).validity is Validity.UNKNOWN


def test_answers_to_different_strangers_are_not_compared() -> None:
    record = uploaded()
    asked(record, "brain").refused("NOT_FOUND", "you have no experiment named 'brain'")
    record.asks_status("", "never-was").refused("UNAUTHENTICATED", "who are you?")

    assert holds(record.judged_by(OWNERSHIP))


def test_whose_upload_was_not_answered_may_be_the_owner() -> None:
    record = Given()
    record.uploads("tom", "brain").lost()
    record.asks_status("tom", "brain").ok()

    assert is_silent(record.judged_by(OWNERSHIP))


def test_whose_upload_was_refused_is_not_the_owner() -> None:
    record = uploaded()
    record.uploads("tom", "brain").refused("ALREADY_EXISTS")
    record.asks_status("tom", "brain", "in_progress").ok()

    assert "which is that of alice" in broken(record.judged_by(OWNERSHIP))


def test_a_former_owner_is_a_stranger() -> None:
    record = uploaded()
    record.removes("alice", "brain").ok()
    record.uploads("tom", "brain").ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert "which is that of tom" in broken(record.judged_by(OWNERSHIP))


def test_in_plaintext_who_has_no_name_is_one_nobody() -> None:
    record = Given().speaks("alice", as_="").speaks("tom", as_="__default__")
    record.uploads("alice", "brain").ok()
    record.asks_status("tom", "brain").ok()

    assert is_silent(record.judged_by(OWNERSHIP))


def test_lists_must_hold_only_ones_own() -> None:
    record = uploaded()
    item: dict[str, Json] = {"name": "brain", "status": "pending", "progress": 0.0}
    record.call("tom", "GetExperimentsList", experiments=[item]).ok()

    assert "tom found experiment 'brain' of alice in its list" in broken(
        record.judged_by(OWNERSHIP)
    )


def test_the_listing_of_envoys_must_not_tell_strangers_what_they_work_on() -> None:
    record = uploaded()
    record.lists("tom", shown("a", experiment="brain")).ok()

    assert "tom found experiment 'brain' of alice in the listing of envoys, at a" in broken(
        record.judged_by(OWNERSHIP)
    )


@pytest.mark.parametrize("who", ["alice", "a"])
def test_owner_and_participants_know_what_envoys_work_on(who: str) -> None:
    record = uploaded()
    record.lists(who, shown("a", experiment="brain")).ok()

    assert holds(record.judged_by(OWNERSHIP))


def test_one_who_may_be_there_or_not_is_no_sample() -> None:
    record = Given()
    record.uploads("alice", "brain").lost()
    asked(record, "brain").refused("PERMISSION_DENIED", "hands off")

    assert holds(record.judged_by(OWNERSHIP))


def test_listings_that_failed_tell_nothing() -> None:
    record = uploaded()
    record.call("tom", "GetExperimentsList").lost()
    record.lists("tom").lost()

    assert record.judged_by(OWNERSHIP).occasions == 0


def test_what_nobody_uploaded_may_be_in_a_list_for_others_to_judge() -> None:
    record = uploaded()
    item: dict[str, Json] = {"name": "ghost", "status": "pending", "progress": 0.0}
    record.call("tom", "GetExperimentsList", experiments=[item]).ok()
    record.lists("tom", shown("a", experiment="ghost"), shown("b")).ok()

    assert holds(record.judged_by(OWNERSHIP))
