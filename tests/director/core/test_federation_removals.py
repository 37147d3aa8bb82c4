"""What is let go of: removed experiments, their archives, and those who still ask for them."""

import pytest

from director.core.effects import Discard, Release, StartRun, StopRun
from director.core.events import CollaboratorCalled, ExperimentRemoved, RunFinished
from director.core.lifecycle import Status
from director.core.model import BlobId, ExperimentName
from director.core.queries import envoy_views
from director.core.rules import Rules
from director.errors import UnknownExperimentError
from tests.director.core.federations import (
    CT,
    MRI,
    A,
    B,
    id_of,
    registered,
    status_of,
    submission,
    wait,
)


def test_only_its_owner_can_remove_an_experiment() -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)

    with pytest.raises(UnknownExperimentError) as foreign:
        federation.handle(ExperimentRemoved(name=MRI, owner="mallory"), 2.0)
    with pytest.raises(UnknownExperimentError) as absent:
        federation.handle(ExperimentRemoved(name=CT, owner="mallory"), 2.0)

    assert str(foreign.value).replace(MRI, CT) == str(absent.value)
    assert status_of(federation) is Status.IN_PROGRESS


def test_a_removed_experiment_leaves_nothing_and_frees_its_name_and_its_turn() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=1))
    federation.handle(submission(), 1.0)
    federation.handle(submission(CT), 1.0)
    old = id_of(federation)

    effects = federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)

    assert [type(effect) for effect in effects] == [StopRun, Release, Discard, StartRun]
    assert federation.blobs() == ("archive of lung-ct", "model of lung-ct")
    federation.handle(submission(owner="bob"), 3.0)
    assert id_of(federation) != old
    federation.handle(RunFinished(experiment=old), 4.0)
    federation.handle(CollaboratorCalled(experiment=old, collaborator=A), 4.0)
    assert status_of(federation) is Status.PENDING


def test_an_envoy_is_not_said_to_be_at_an_experiment_that_is_gone() -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)
    wait(federation, 1)
    assert envoy_views(federation, 1.0, viewer="alice")[0].experiment == MRI

    federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)

    assert envoy_views(federation, 2.0, viewer="alice")[0].experiment is None


def test_what_is_removed_before_its_start_was_never_there() -> None:
    federation = registered(A)
    federation.handle(submission(needs_review=True), 1.0)

    federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)

    with pytest.raises(UnknownExperimentError):
        federation.handed_out(MRI, A)


def test_the_blobs_of_an_ended_experiment_are_let_go_once() -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)

    ended = federation.handle(RunFinished(experiment=id_of(federation)), 2.0)
    removed = federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 3.0)

    released = [effect for effect in (*ended, *removed) if isinstance(effect, Release)]
    assert released == [
        Release(blobs=(BlobId("archive of brain-mri"), BlobId("model of brain-mri")))
    ]


def test_an_archive_is_for_participants_of_what_has_started() -> None:
    federation = registered(A, B)
    federation.handle(submission(MRI, A), 1.0)
    federation.handle(submission(CT, A, needs_review=True), 1.0)

    assert federation.handed_out(MRI, A) == id_of(federation)
    for name, collaborator in ((MRI, B), (CT, A), (ExperimentName("none"), A)):
        with pytest.raises(UnknownExperimentError):
            federation.handed_out(name, collaborator)


def test_a_participant_is_told_that_an_experiment_is_over_and_not_that_it_never_was() -> None:
    federation = registered(A, B)
    federation.handle(submission(MRI, A), 1.0)
    federation.handle(submission(CT, A), 1.0)

    federation.handle(RunFinished(experiment=id_of(federation, MRI)), 2.0)
    federation.handle(ExperimentRemoved(name=CT, owner="alice"), 2.0)

    assert federation.handed_out(MRI, A) is None
    assert federation.handed_out(CT, A) is None
    with pytest.raises(UnknownExperimentError):
        federation.handed_out(CT, B)


def test_removals_are_not_remembered_without_bound() -> None:
    federation = registered(A)

    for number in range(1_030):
        name = ExperimentName(f"experiment-{number}")
        federation.handle(submission(name), 1.0)
        federation.handle(ExperimentRemoved(name=name, owner="alice"), 1.0)

    assert len(federation.catalogue._removed) == 1_024
    assert federation.handed_out(ExperimentName("experiment-1029"), A) is None


def test_an_answer_under_way_is_stopped_when_its_experiment_has_ended() -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)
    assert federation.is_deliverable(MRI, A)
    assert not federation.is_deliverable(MRI, B)

    federation.handle(RunFinished(experiment=id_of(federation)), 2.0)

    assert not federation.is_deliverable(MRI, A)
    assert not federation.is_deliverable(CT, A)
