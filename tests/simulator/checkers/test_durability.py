"""durability: what was acknowledged before the Director went down is there afterwards."""

from typing import Any

import pytest

from simulator.checkers.base import Judgement, Validity
from tests.simulator.checkers.given import Given, broken, holds, is_silent, shown, tensor
from tests.simulator.checkers.restarts import DURABILITY, LOSS, MEAN, accepted, back, finished


def unsure(judgement: Judgement) -> str:
    assert judgement.validity is Validity.UNKNOWN, judgement
    return judgement.findings[0].message


# ---------------------------------------------------------------- what holds


def test_a_director_that_remembers_everything_holds() -> None:
    record = back(finished())
    record.lists_own("alice", "brain", "finished").ok()
    record.fetches("alice", "brain", "last", {"w": tensor(1.0)}).ok()
    record.follows("alice", "brain", LOSS, MEAN).ok()
    record.beats("a").ok()
    record.lists("alice", shown("a")).ok()

    assert holds(record.judged_by(DURABILITY))


def test_where_the_director_never_went_down_there_is_nothing_to_judge() -> None:
    assert finished().judged_by(DURABILITY).occasions == 0


def test_a_director_that_never_came_back_is_no_matter_of_durability() -> None:
    record = finished().note("director.kill")

    assert record.judged_by(DURABILITY).occasions == 0


def test_a_running_experiment_may_go_on_and_end() -> None:
    record = accepted()
    record.asks_status("alice", "brain", "in_progress").ok()
    back(record)

    assert holds(record.judged_by(DURABILITY))


def test_what_was_not_acknowledged_may_be_lost() -> None:
    record = Given().frontends("alice")
    record.uploads("alice", "brain").lost()
    record.restarts()
    record.asks_status("alice", "brain").refused("NOT_FOUND")

    assert is_silent(record.judged_by(DURABILITY))


# ---------------------------------------------------------------- experiments


@pytest.mark.parametrize("topic", ["GetExperimentStatus", "GetTrainedModel", "GetMetricStream"])
def test_an_experiment_that_is_not_there_any_more_is_a_breach(topic: str) -> None:
    record = finished().restarts().at(20)
    record.call("alice", topic, {"experiment": "brain", "kind": "last"}).refused("NOT_FOUND")

    assert "'brain' of alice, which its owner was told of at 0.0 s, was not there any more at" in (
        broken(record.judged_by(DURABILITY))
    )


def test_an_empty_status_says_that_it_is_not_there_as_well() -> None:
    record = accepted().restarts().at(20)
    record.asks_status("alice", "brain", "").ok()

    assert "was not there any more at 20.0 s" in broken(record.judged_by(DURABILITY))


def test_an_experiment_that_is_missing_from_the_list_is_a_breach() -> None:
    record = accepted().restarts().at(20)
    record.lists_own("alice", "lung", "pending").ok()

    assert "was missing from the list at 20.0 s" in broken(record.judged_by(DURABILITY))


def test_whoever_was_told_of_an_upload_in_doubt_relies_on_it() -> None:
    record = Given().frontends("alice")
    record.uploads("alice", "brain").lost()
    record.at(3).asks_status("alice", "brain", "in_progress").ok()
    record.restarts().at(20)
    record.asks_status("alice", "brain").refused("NOT_FOUND")

    assert "which its owner was told of at 3.0 s" in broken(record.judged_by(DURABILITY))


def test_who_removed_it_need_not_find_it() -> None:
    record = accepted()
    record.removes("alice", "brain").ok()
    record.restarts().at(20)
    record.asks_status("alice", "brain").refused("NOT_FOUND")

    assert holds(record.judged_by(DURABILITY))


def test_strangers_need_not_find_it_either() -> None:
    record = back(accepted())
    record.asks_status("bob", "brain").refused("NOT_FOUND")

    assert holds(record.judged_by(DURABILITY))


@pytest.mark.parametrize(
    ("before", "after"),
    [("finished", "in_progress"), ("in_progress", "pending"), ("failed", "finished")],
)
def test_a_status_that_goes_back_is_a_breach(before: str, after: str) -> None:
    record = accepted()
    record.asks_status("alice", "brain", before).ok()
    record.restarts().at(20)
    record.asks_status("alice", "brain", after).ok()

    assert f"was {before} at 5.0 s, but {after} at 20.0 s" in broken(record.judged_by(DURABILITY))


def test_an_experiment_that_fails_although_nothing_was_wrong_is_a_breach() -> None:
    record = accepted().restarts().at(20)
    record.asks_status("alice", "brain", "failed").ok()

    assert "nobody reported a failure and everybody lived" in broken(record.judged_by(DURABILITY))


def _reported(record: Given) -> None:
    record.reports_failure("a", "brain").ok()


def _died(record: Given) -> None:
    record.note("actor.kill", actor="a")


def _rotten(record: Given) -> None:
    record.fault("storage.rot").heals("storage.rot")


@pytest.mark.parametrize("misfortune", [_reported, _died, _rotten])
def test_an_experiment_that_fails_for_a_reason_may(misfortune: Any) -> None:
    record = accepted()
    misfortune(record)
    record.restarts().at(20)
    record.asks_status("alice", "brain", "failed").ok()

    assert holds(record.judged_by(DURABILITY))


# ---------------------------------------------------------------- removals


@pytest.mark.parametrize("topic", ["GetExperimentStatus", "GetExperimentDescription"])
def test_what_was_removed_and_is_there_again_is_a_breach(topic: str) -> None:
    record = accepted()
    record.removes("alice", "brain").ok()
    record.restarts().at(20)
    record.call("alice", topic, {"experiment": "brain"}, name="brain", status="pending").ok()

    assert "'brain', removed at 5.0 s, was there again at 20.0 s" in (
        broken(record.judged_by(DURABILITY))
    )


def test_what_was_removed_and_is_listed_again_is_a_breach() -> None:
    record = accepted()
    record.removes("alice", "brain").ok()
    record.restarts().at(20)
    record.lists_own("alice", "brain", "in_progress").ok()

    assert "'brain', removed at 5.0 s, was there again" in broken(record.judged_by(DURABILITY))


def test_what_was_uploaded_again_since_is_there_rightly() -> None:
    record = accepted()
    record.removes("alice", "brain").ok()
    record.restarts().at(20)
    record.uploads("alice", "brain").ok()
    record.asks_status("alice", "brain").ok()

    assert is_silent(record.judged_by(DURABILITY))


# ---------------------------------------------------------------- what nobody can tell


def test_of_what_nobody_asked_for_again_nobody_can_tell() -> None:
    record = accepted().restarts()

    assert "whether experiment 'brain' of alice is still there is not known" in (
        unsure(record.judged_by(DURABILITY))
    )


def test_a_question_that_nobody_answered_tells_nothing_either() -> None:
    record = accepted().restarts().at(20)
    record.asks_status("alice", "brain").lost()

    assert "is not known" in unsure(record.judged_by(DURABILITY))


def test_what_attackers_uploaded_nobody_asks_for() -> None:
    record = Given().attackers("mallory")
    record.uploads("mallory", "brain").ok()
    record.restarts()

    assert is_silent(record.judged_by(DURABILITY))
