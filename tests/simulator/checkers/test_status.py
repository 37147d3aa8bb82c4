"""status-machine: which statuses can follow and meet each other."""

import pytest
from hypothesis import given, strategies as st

from simulator.checkers.status import StatusesFollowTheTable
from simulator.history.entry import JsonObject
from tests.simulator.checkers.given import Given, broken, holds, is_silent

STATUS = StatusesFollowTheTable()

LIVES = [
    ["pending", "in_progress", "finished"],
    ["pending", "in_progress", "failed"],
    ["pending", "rejected"],
]


def told(*statuses: str) -> Given:
    record = Given()
    record.uploads("alice", "brain").ok()
    for status in statuses:
        record.asks_status("alice", "brain", status).ok()
    return record


@pytest.mark.parametrize("life", LIVES)
def test_a_life_holds(life: list[str]) -> None:
    assert holds(told(*[status for status in life for _ in range(2)]).judged_by(STATUS))


def test_what_nobody_saw_in_between_may_have_been() -> None:
    assert holds(told("pending", "finished").judged_by(STATUS))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("in_progress", "pending"),
        ("finished", "in_progress"),
        ("failed", "pending"),
        ("rejected", "in_progress"),
    ],
)
def test_nothing_comes_back(first: str, then: str) -> None:
    assert f"was {first} at 0.0 s and {then} again" in broken(told(first, then).judged_by(STATUS))


@pytest.mark.parametrize(
    ("first", "then"),
    [("failed", "finished"), ("finished", "failed"), ("in_progress", "rejected")],
)
def test_no_experiment_is_both(first: str, then: str) -> None:
    assert "no experiment can be both" in broken(told(first, then).judged_by(STATUS))


def test_answers_that_overlap_may_come_in_any_order() -> None:
    record = told()
    first = record.asks_status("alice", "brain", "in_progress")
    second = record.asks_status("alice", "brain", "pending")
    first.ok()
    second.ok()

    assert holds(record.judged_by(STATUS))


def test_what_cannot_both_be_cannot_overlap_either() -> None:
    record = told()
    first = record.asks_status("alice", "brain", "failed")
    second = record.asks_status("alice", "brain", "finished")
    first.ok()
    second.ok()

    assert "no experiment can be both" in broken(record.judged_by(STATUS))


def test_the_list_and_the_description_tell_of_it_too() -> None:
    record = told("finished")
    item: JsonObject = {"name": "brain", "status": "in_progress", "progress": 0.0}
    record.call("alice", "GetExperimentsList", experiments=[item]).ok()

    assert "finished at 0.0 s and in_progress again" in broken(record.judged_by(STATUS))


def test_a_word_that_is_no_status_is_a_breach() -> None:
    assert "'paused' at 0.0 s, which is no status" in broken(told("paused").judged_by(STATUS))


@pytest.mark.parametrize("is_found", [True, False])
def test_nothing_vanishes(is_found: bool) -> None:  # noqa: FBT001
    record = told("in_progress")
    asked = record.at(4).asks_status("alice", "brain", "")
    if is_found:
        asked.ok()
    else:
        asked.refused("NOT_FOUND")

    assert "seen in_progress at 0.0 s, was said not to exist at 4.0 s" in broken(
        record.judged_by(STATUS)
    )


def test_what_its_owner_removed_is_gone() -> None:
    record = told("in_progress")
    record.removes("alice", "brain").ok()
    record.asks_status("alice", "brain").refused("NOT_FOUND")

    assert holds(record.judged_by(STATUS))


def test_what_a_stranger_removed_must_not_be_gone() -> None:
    record = told("in_progress")
    record.removes("bob", "brain").ok()
    record.asks_status("alice", "brain").refused("NOT_FOUND")

    assert "was said not to exist" in broken(record.judged_by(STATUS))


def test_where_a_removal_may_have_happened_nobody_can_tell() -> None:
    record = told("finished")
    record.removes("alice", "brain").lost()
    record.asks_status("alice", "brain").refused("NOT_FOUND")
    record.asks_status("alice", "brain", "pending").ok()

    assert is_silent(record.judged_by(STATUS))


def test_attempts_to_upload_it_that_were_not_answered_change_nothing() -> None:
    record = Given()
    record.uploads("alice", "brain").lost()
    record.uploads("alice", "brain").ok()
    record.asks_status("alice", "brain", "finished").ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert "in_progress again" in broken(record.judged_by(STATUS))


def test_a_namesake_lives_a_life_of_its_own() -> None:
    record = told("finished")
    record.removes("alice", "brain").ok()
    record.uploads("alice", "brain").ok()
    record.asks_status("alice", "brain", "pending").ok()

    assert holds(record.judged_by(STATUS))


def test_a_restart_may_lose_it_but_not_turn_it_back() -> None:
    lost = told("in_progress").restarts()
    lost.asks_status("alice", "brain").refused("NOT_FOUND")
    turned_back = told("finished").restarts()
    turned_back.asks_status("alice", "brain", "in_progress").ok()

    assert holds(lost.judged_by(STATUS))
    assert "in_progress again" in broken(turned_back.judged_by(STATUS))


def test_after_a_restart_it_may_be_uploaded_again() -> None:
    record = told("finished").restarts()
    record.uploads("alice", "brain").ok()
    record.asks_status("alice", "brain", "pending").ok()

    assert holds(record.judged_by(STATUS))


@given(st.data())
def test_how_lives_of_different_names_are_mixed_does_not_matter(data: st.DataObject) -> None:
    waiting = {f"e{number}": list(life) for number, life in enumerate(LIVES)}
    record = Given()
    for name in waiting:
        record.uploads("alice", name).ok()
    while any(waiting.values()):
        name = data.draw(st.sampled_from([name for name, life in waiting.items() if life]))
        record.asks_status("alice", name, waiting[name].pop(0)).ok()

    assert holds(record.judged_by(STATUS))


def test_a_description_that_is_refused_tells_that_it_is_gone() -> None:
    record = told("in_progress")
    request: JsonObject = {"experiment": "brain"}
    record.call("alice", "GetExperimentDescription", request, status="in_progress").ok()
    record.call("alice", "GetExperimentDescription", request).lost()
    record.call("alice", "GetExperimentDescription", request).refused("NOT_FOUND")

    assert "was said not to exist" in broken(record.judged_by(STATUS))


def test_two_removals_that_overlap_are_one_gap() -> None:
    record = told("finished")
    first = record.removes("alice", "brain")
    second = record.removes("alice", "brain")
    first.ok()
    second.ok(acknowledged=False)
    third = record.removes("alice", "brain")
    record.uploads("alice", "brain").ok()
    record.asks_status("alice", "brain", "pending").ok()
    third.ok()

    assert is_silent(record.judged_by(STATUS))


def test_a_removal_that_arrives_twice_may_remove_the_next_one() -> None:
    record = told("finished")
    record.removes("alice", "brain").touched("rpc.duplicate", "duplicate").ok()
    record.uploads("alice", "brain").ok()
    record.asks_status("alice", "brain", "in_progress").ok()
    record.asks_status("alice", "brain").refused("NOT_FOUND")

    assert is_silent(record.judged_by(STATUS))
