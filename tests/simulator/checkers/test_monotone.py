"""monotone: what is seen later is never less, unless another thing of that name is seen."""

import pytest

from simulator.checkers.monotone import NothingGoesBack
from simulator.history.entry import JsonObject
from tests.simulator.checkers.given import Given, broken, holds, is_silent, shown
from tests.simulator.checkers.record import Operation

MONOTONE = NothingGoesBack()


def describes(
    record: Given,
    *,
    current_round: int = 0,
    progress: float = 0.0,
    of_a: tuple[int, float] = (0, 0.0),
) -> Operation:
    collaborator: JsonObject = {
        "name": "a",
        "status": "",
        "progress": of_a[1],
        "round": of_a[0],
        "current_task": "",
        "next_task": "",
    }
    return record.call(
        "alice",
        "GetExperimentDescription",
        {"experiment": "brain"},
        name="brain",
        status="in_progress",
        progress=progress,
        total_rounds=3,
        current_round=current_round,
        collaborators=[collaborator],
        tasks=[],
        models=[],
    )


def lists_experiments(record: Given, progress: float) -> Operation:
    item: JsonObject = {
        "name": "brain",
        "status": "in_progress",
        "collaborators": 1,
        "tasks": 3,
        "progress": progress,
    }
    return record.call("alice", "GetExperimentsList", experiments=[item])


def test_what_grows_holds() -> None:
    record = Given()
    record.lists("alice", shown("a", updated_at=1.0)).ok()
    record.lists("alice", shown("a", updated_at=1.0)).ok()
    record.lists("bob", shown("a", updated_at=2.0)).ok()
    describes(record, current_round=0, progress=0.2, of_a=(0, 0.9)).ok()
    describes(record, current_round=1, progress=0.4, of_a=(1, 0.1)).ok()
    lists_experiments(record, 0.4).ok()

    assert holds(record.judged_by(MONOTONE))


def test_last_updated_must_not_go_back() -> None:
    record = Given().at(5)
    record.lists("alice", shown("a", updated_at=2.0)).ok()
    record.at(6).lists("bob", shown("a", updated_at=1.0)).ok()

    assert "last_updated of a went back from 1700000002 at 5.0 s to 1700000001 at 6.0 s" in broken(
        record.judged_by(MONOTONE)
    )


def test_answers_that_overlap_may_come_in_any_order() -> None:
    record = Given()
    first = record.lists("alice", shown("a", updated_at=2.0))
    second = record.lists("bob", shown("a", updated_at=1.0))
    first.ok()
    second.ok()

    assert holds(record.judged_by(MONOTONE))


def test_after_a_restart_signs_of_life_may_be_older() -> None:
    record = Given()
    record.lists("alice", shown("a", updated_at=2.0)).ok()
    record.restarts().lists("alice", shown("a", updated_at=1.0)).ok()

    assert holds(record.judged_by(MONOTONE))


def test_a_round_must_not_go_back_even_over_a_restart() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    describes(record, current_round=2).ok()
    record.restarts()
    describes(record, current_round=1).ok()

    assert "the round of experiment 'brain' went back from 2" in broken(record.judged_by(MONOTONE))


def test_progress_must_not_go_back() -> None:
    record = Given()
    lists_experiments(record, 0.5).ok()
    lists_experiments(record, 0.4).ok()

    assert "the progress of experiment 'brain' went back" in broken(record.judged_by(MONOTONE))


def test_half_a_round_may_be_lost_by_a_restart() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    describes(record, current_round=1, progress=0.5, of_a=(1, 0.5)).ok()
    record.restarts()
    describes(record, current_round=1, progress=0.4, of_a=(1, 0.0)).ok()

    assert holds(record.judged_by(MONOTONE))


def test_a_collaborators_round_must_not_go_back() -> None:
    record = Given()
    describes(record, of_a=(1, 0.0)).ok()
    describes(record, of_a=(0, 1.0)).ok()

    assert "round and progress of a in experiment 'brain' went back" in broken(
        record.judged_by(MONOTONE)
    )


def test_a_namesake_after_a_removal_begins_anew() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    describes(record, current_round=2, progress=0.8).ok()
    record.removes("alice", "brain").ok()
    record.uploads("alice", "brain").ok()
    describes(record, current_round=0, progress=0.0).ok()

    assert holds(record.judged_by(MONOTONE))


def test_where_a_removal_may_have_happened_nobody_can_tell() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    describes(record, current_round=2).ok()
    record.removes("alice", "brain").lost()
    describes(record, current_round=0).ok()

    assert holds(record.judged_by(MONOTONE))


@pytest.mark.parametrize("progress", [-0.1, 1.1])
def test_progress_lies_between_nothing_and_all(progress: float) -> None:
    record = Given()
    describes(record, progress=progress).ok()

    assert f"is said to be {progress:g}" in broken(record.judged_by(MONOTONE))


def test_what_nobody_knows_is_no_occasion() -> None:
    record = Given()
    record.call("alice", "GetExperimentsList").refused("UNAUTHENTICATED")
    record.call("alice", "GetExperimentDescription", {"experiment": "x"}).refused("NOT_FOUND")
    record.uploads("alice", "brain").ok()
    removal = record.removes("alice", "brain")
    lists_experiments(record, 0.5).ok()
    removal.ok()

    assert is_silent(record.judged_by(MONOTONE))


def test_an_answer_over_a_restart_may_be_older_in_all_but_the_round() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.lists("alice", shown("a", updated_at=2.0)).ok()
    describes(record, current_round=2, progress=0.5).ok()
    listing = record.lists("alice", shown("a", updated_at=1.0))
    description = describes(record, current_round=1, progress=0.1)
    record.restarts()
    listing.ok()
    description.ok()

    messages = [finding.message for finding in record.judged_by(MONOTONE).findings]

    assert len(messages) == 1
    assert "the round of experiment 'brain' went back" in messages[0]
