"""Which submissions the federation takes, and which it refuses."""

from dataclasses import replace

import pytest

from director.core.lifecycle import Status
from director.core.model import EnvoyName, ExperimentName
from director.core.rules import Rules
from director.errors import (
    DuplicateExperimentError,
    InvalidNameError,
    InvalidUploadError,
    LimitExceededError,
)
from tests.director.core.federations import CT, MRI, A, B, registered, status_of, submission


@pytest.mark.parametrize(
    "name", ["", "x" * 129, "../x", "a/b", "a\\b", ".", "..", "a\n", " a", "\ud800"]
)
def test_a_name_that_is_not_safe_is_refused(name: str) -> None:
    federation = registered(A)

    with pytest.raises(InvalidNameError, match="experiment name"):
        federation.handle(submission(ExperimentName(name)), 1.0)
    with pytest.raises(InvalidNameError, match="collaborator name"):
        federation.handle(submission(MRI, EnvoyName(name)), 1.0)

    assert len(federation.catalogue) == 0


def test_a_refused_name_can_be_told_to_anybody() -> None:
    federation = registered(A)

    with pytest.raises(InvalidNameError) as refusal:
        federation.handle(submission(ExperimentName("\ud800" * 1_000)), 1.0)

    assert len(str(refusal.value).encode()) < 500


def test_an_experiment_needs_different_collaborators() -> None:
    federation = registered(A)

    with pytest.raises(InvalidUploadError, match="twice"):
        federation.handle(submission(MRI, A, A), 1.0)
    with pytest.raises(InvalidUploadError, match="no collaborators"):
        federation.handle(replace(submission(), collaborators=()), 1.0)


def test_an_experiment_may_have_only_so_many_collaborators() -> None:
    federation = registered(rules=Rules(max_collaborators=1))

    with pytest.raises(InvalidUploadError, match="more than 1 collaborators"):
        federation.handle(submission(MRI, A, B), 1.0)


@pytest.mark.parametrize("owner", ["alice", "mallory"])
def test_a_name_in_use_is_not_taken_over(owner: str) -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)

    with pytest.raises(DuplicateExperimentError):
        federation.handle(submission(owner=owner), 2.0)
    with pytest.raises(DuplicateExperimentError):
        federation.apply(submission(owner=owner), 2.0)

    assert federation.catalogue.owned(MRI, "alice").status is Status.IN_PROGRESS


def test_an_owner_and_the_director_have_room_for_only_so_many() -> None:
    federation = registered(A, rules=Rules(max_experiments_per_owner=1, max_experiments=2))
    federation.handle(submission(MRI), 1.0)

    with pytest.raises(LimitExceededError, match="you have 1 experiments"):
        federation.handle(submission(CT), 1.0)
    federation.handle(submission(CT, owner="bob"), 1.0)
    with pytest.raises(LimitExceededError, match="holds 2 experiments"):
        federation.handle(submission(ExperimentName("third"), owner="carol"), 1.0)


def test_limits_do_not_count_for_what_was_accepted_before() -> None:
    federation = registered(A, rules=Rules(max_experiments=0))

    federation.apply(submission(), 1.0)

    assert status_of(federation) is Status.IN_PROGRESS
