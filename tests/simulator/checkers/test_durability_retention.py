"""durability, where the Director removes what ended long ago or takes too much room."""

import pytest

from simulator.checkers.durability import NothingAcknowledgedIsLost
from simulator.checkers.expect import Outcome
from simulator.checkers.names import NamesStay
from simulator.checkers.outcomes import judge_outcomes
from simulator.checkers.status import StatusesFollowTheTable
from tests.simulator.checkers.given import Given, broken, holds, is_silent

DURABILITY, NAMES, STATUS = NothingAcknowledgedIsLost(), NamesStay(), StatusesFollowTheTable()


def ended(**limits: float) -> Given:
    """An experiment that ran at 5 s, and had ended at 10 s."""
    record = Given().told(**limits).envoys("a").frontends("alice")
    record.uploads("alice", "brain").ok()
    record.at(5).asks_status("alice", "brain").ok()
    record.at(10).asks_status("alice", "brain", "finished").ok()
    return record


def misses(record: Given) -> Given:
    record.asks_status("alice", "brain").refused("NOT_FOUND")
    return record


def test_what_is_due_may_be_gone() -> None:
    record = misses(ended(max_age_s=100).at(120))

    assert holds(record.judged_by(DURABILITY))
    assert holds(record.judged_by(STATUS))


def test_what_is_not_due_yet_must_be_there() -> None:
    record = misses(ended(max_age_s=100).at(90))

    assert "was not there any more at 90.0 s, though it was not due" in broken(
        record.judged_by(DURABILITY)
    )
    assert "was said not to exist at 90.0 s" in broken(record.judged_by(STATUS))


def test_what_is_due_has_to_go() -> None:
    record = ended(max_age_s=100).at(110 + 60 + 3)
    record.asks_status("alice", "brain", "finished").ok()

    assert (
        "had ended at 10.0 s, was to be removed at 110.0 s, but was still there at 173.0 s"
        in broken(record.judged_by(DURABILITY))
    )


def test_it_goes_within_a_minute() -> None:
    record = ended(max_age_s=100).at(110 + 60)
    record.asks_status("alice", "brain", "finished").ok()

    assert holds(record.judged_by(DURABILITY))


@pytest.mark.parametrize("trouble", ["storage.full", "storage.error"])
def test_nothing_goes_while_the_disk_refuses(trouble: str) -> None:
    record = ended(max_age_s=100).at(100).fault(trouble).at(200).heals(trouble)
    record.at(250).asks_status("alice", "brain", "finished").ok()
    assert holds(record.judged_by(DURABILITY))

    record.at(263).asks_status("alice", "brain", "finished").ok()

    assert "still there at 263.0 s" in broken(record.judged_by(DURABILITY))


def test_what_runs_for_long_is_not_due() -> None:
    record = ended(max_age_s=100)
    record.uploads("alice", "slow").ok()
    record.at(300).asks_status("alice", "slow").ok()
    record.at(301).asks_status("alice", "slow").refused("NOT_FOUND")

    assert "'slow' of alice" in broken(record.judged_by(DURABILITY))


def test_the_name_of_what_was_due_is_free_and_its_heir_is_not_due() -> None:
    record = ended(max_age_s=100).at(120)
    record.uploads("alice", "brain").ok()
    record.at(125).asks_status("alice", "brain").ok()
    for checker in (DURABILITY, NAMES, STATUS):
        assert holds(record.judged_by(checker))

    misses(record.at(130))

    assert "was not there any more at 130.0 s" in broken(record.judged_by(DURABILITY))


def test_a_name_is_not_free_before_its_experiment_is_due() -> None:
    record = ended(max_age_s=100).at(90)
    record.uploads("alice", "brain").ok()

    assert "had not been removed" in broken(record.judged_by(NAMES))


def test_what_has_ended_may_go_at_any_time_where_room_is_wanted() -> None:
    record = misses(ended(max_stored_bytes=1_000).at(11))

    assert is_silent(record.judged_by(DURABILITY))
    assert is_silent(record.judged_by(STATUS))


def test_without_limits_nothing_is_judged_but_restarts() -> None:
    assert is_silent(misses(ended().at(1_000)).judged_by(DURABILITY))


@pytest.mark.parametrize(("limits", "outcome"), [({"max_age_s": 100}, "removed"), ({}, "finished")])
def test_what_its_director_removed_is_removed_at_the_end(
    limits: dict[str, float], outcome: Outcome
) -> None:
    history = misses(ended(**limits).at(200)).history()

    [judgement] = judge_outcomes(history, {"brain": outcome})

    assert holds(judgement)
