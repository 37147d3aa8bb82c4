"""names: which can be used, and whose they are."""

import pytest

from simulator.checkers.names import NamesStay, why_unusable
from tests.simulator.checkers.given import Given, broken, holds

NAMES = NamesStay()


@pytest.mark.parametrize("name", ["brain", "brain MRI 3", "Zürich", "a.b", "..a", "x" * 255])
def test_a_name_can_be_used(name: str) -> None:
    assert why_unusable(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("x" * 256, "too long"),
        ("../x", "like a path"),
        ("a\\b", "like a path"),
        ("..", "like a path"),
        ("a\nb", "with control characters"),
        ("a\x00", "with control characters"),
        ("\ud800", "with control characters"),
    ],
)
def test_a_name_cannot_be_used(name: str, why: str) -> None:
    assert why_unusable(name) == why


def test_good_names_of_all_kinds_hold() -> None:
    record = Given()
    record.registers("a").ok()
    record.uploads("alice", "brain", ["a"]).ok()
    record.uploads("mallory", "../x").refused("INVALID_ARGUMENT")

    assert holds(record.judged_by(NAMES))


def test_a_bad_experiment_name_must_be_refused() -> None:
    record = Given()
    record.uploads("mallory", "../../x").ok()

    assert (
        "the experiment name '../../x' of mallory was accepted at 0.0 s, though it is like a"
        in (broken(record.judged_by(NAMES)))
    )


def test_a_bad_collaborator_name_must_be_refused() -> None:
    record = Given()
    record.uploads("mallory", "brain", ["a", ""]).ok()

    assert "the collaborator name ''" in broken(record.judged_by(NAMES))


def test_a_bad_envoy_name_must_be_refused() -> None:
    record = Given()
    record.registers("a/b").ok()

    assert "the envoy name 'a/b'" in broken(record.judged_by(NAMES))


def test_a_name_in_use_must_not_be_taken_over() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.at(5).uploads("bob", "brain").ok()

    assert (
        "experiment 'brain' of bob was accepted at 5.0 s, though one of that name, accepted from"
        " alice at 0.0 s, had not been removed" in broken(record.judged_by(NAMES))
    )


def test_of_two_uploads_at_once_only_one_may_get_the_name() -> None:
    record = Given()
    first = record.uploads("alice", "brain")
    second = record.uploads("bob", "brain")
    first.ok()
    second.ok()

    assert "experiment 'brain' of bob was accepted" in broken(record.judged_by(NAMES))


def test_who_is_told_that_the_name_is_in_use_loses_nothing() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.uploads("bob", "brain").refused("ALREADY_EXISTS")

    assert holds(record.judged_by(NAMES))


@pytest.mark.parametrize("is_answered", [True, False])
def test_after_a_removal_the_name_is_free(is_answered: bool) -> None:  # noqa: FBT001
    record = Given()
    record.uploads("alice", "brain").ok()
    removal = record.removes("alice", "brain")
    if is_answered:
        removal.ok()
    record.uploads("bob", "brain").ok()

    assert holds(record.judged_by(NAMES))


def test_one_removal_frees_one_name_once() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.removes("alice", "brain").ok()
    record.uploads("alice", "brain").ok()
    record.uploads("bob", "brain").ok()

    assert "experiment 'brain' of bob was accepted" in broken(record.judged_by(NAMES))


def test_a_strangers_removal_frees_nothing() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.removes("bob", "brain").ok()
    record.uploads("bob", "brain").ok()

    assert "had not been removed" in broken(record.judged_by(NAMES))


def test_an_upload_without_an_answer_may_not_have_happened() -> None:
    record = Given()
    record.uploads("alice", "brain").lost()
    record.uploads("bob", "brain").ok()

    assert holds(record.judged_by(NAMES))


def test_what_a_restart_may_have_lost_may_be_uploaded_again() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.restarts().uploads("alice", "brain").ok()

    assert holds(record.judged_by(NAMES))


def test_what_was_not_accepted_took_no_name() -> None:
    record = Given()
    record.registers("../a", shape=["9"]).ok(accepted=False)
    record.registers("../b").refused("INVALID_ARGUMENT")
    record.uploads("alice", "../x").ok(accepted=False)

    assert holds(record.judged_by(NAMES))
