"""The life of an experiment: its turn, its review, its start and its one end."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from director.core.effects import Disregard, Release, Review, StartRun, StopRun
from director.core.events import (
    ArchiveFetched,
    CollaboratorCalled,
    ExperimentRemoved,
    ExperimentReviewed,
    FailureReported,
    RunFailed,
    RunFinished,
)
from director.core.lifecycle import Status
from director.core.model import EnvoyName, ExperimentId, ExperimentName
from director.core.queries import RunView, experiment_view
from director.core.rules import Rules
from tests.director.core.federations import (
    CT,
    MRI,
    A,
    B,
    deliver,
    deliveries,
    id_of,
    registered,
    status_of,
    submission,
    wait,
)


def test_experiments_run_side_by_side_up_to_the_limit_then_in_turn() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=1))
    federation.handle(submission(MRI), 1.0)
    assert federation.handle(submission(CT), 1.0) == []

    effects = federation.handle(RunFinished(experiment=id_of(federation, MRI)), 2.0)

    assert [type(effect) for effect in effects] == [StopRun, Release, StartRun]
    assert (status_of(federation, MRI), status_of(federation, CT)) == ("finished", "in_progress")


def test_an_owner_runs_no_more_than_it_leaves_room_for() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=8))
    names = [ExperimentName(f"{owner}-{number}") for owner in "abc" for number in range(6)]

    for name in names:
        federation.handle(submission(name, owner=name[0]), 1.0)

    running = Counter(experiment.owner for experiment in federation.catalogue.running)
    assert running == {"a": 4, "b": 2, "c": 1}


def test_a_place_that_gets_free_goes_to_whoever_has_the_fewest() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=2))
    names = [ExperimentName(f"{owner}-{number}") for number in range(2) for owner in "abc"]
    for name in names:
        federation.handle(submission(name, owner=name[0]), 1.0)
    assert [held.name for held in federation.catalogue.running] == ["a-0", "b-0"]

    federation.handle(RunFinished(experiment=id_of(federation, names[0])), 2.0)
    federation.handle(RunFinished(experiment=id_of(federation, names[1])), 3.0)

    assert [held.name for held in federation.catalogue.running] == ["c-0", "a-1"]


def test_a_journal_from_before_owners_shared_is_replayed_as_it_was() -> None:
    federation = registered(A, rules=Rules(max_running_experiments=4))
    names = [ExperimentName(f"x-{number}") for number in range(6)]

    for name in names:
        federation.apply(replace(submission(name), is_shared=False), 1.0)
    federation.apply(RunFinished(experiment=id_of(federation, names[0])), 2.0)
    running = [held.name for held in federation.catalogue.running]
    federation.apply(submission(CT), 3.0)
    federation.apply(RunFinished(experiment=id_of(federation, names[1])), 4.0)

    assert running == names[1:5]
    assert [held.name for held in federation.catalogue.running] == names[2:5]


def test_a_review_comes_before_the_start() -> None:
    federation = registered(A)
    wait(federation, 1)

    [review] = federation.handle(submission(needs_review=True), 1.0)
    assert isinstance(review, Review)
    assert status_of(federation) is Status.PENDING
    approval = ExperimentReviewed(experiment=review.experiment, is_approved=True)
    effects = federation.handle(approval, 2.0)

    assert deliveries(effects) == [deliver(1)]
    assert federation.handle(approval, 3.0) == ()


def test_a_rejected_experiment_never_runs() -> None:
    federation = registered(A)
    [review] = federation.handle(submission(needs_review=True), 1.0)
    assert isinstance(review, Review)

    effects = federation.handle(
        ExperimentReviewed(experiment=review.experiment, is_approved=False, reason="no"), 2.0
    )
    federation.handle(ExperimentReviewed(experiment=review.experiment, is_approved=True), 3.0)

    assert [type(effect) for effect in effects] == [StopRun, Release]
    view = experiment_view(federation.catalogue.owned(MRI, "alice"), RunView())
    assert (view.status, view.reason) == (Status.REJECTED, "no")
    assert wait(federation, 1) == []


Ending = Callable[[ExperimentId], RunFinished | RunFailed | FailureReported]
ENDINGS: list[Ending] = [
    lambda experiment: RunFinished(experiment=experiment),
    lambda experiment: RunFailed(experiment=experiment, reason="the archive is damaged"),
    lambda _: FailureReported(experiment=MRI, collaborator=A),
]


@pytest.mark.parametrize("second", ENDINGS)
@pytest.mark.parametrize("first", ENDINGS)
def test_an_ended_experiment_stays_as_it_ended(first: Ending, second: Ending) -> None:
    federation = registered(A)
    federation.handle(submission(), 1.0)
    experiment = id_of(federation)
    federation.handle(first(experiment), 2.0)
    before = experiment_view(federation.catalogue.owned(MRI, "alice"), RunView())

    effects = federation.handle(second(experiment), 3.0)

    assert all(isinstance(effect, Disregard) for effect in effects)
    assert experiment_view(federation.catalogue.owned(MRI, "alice"), RunView()) == before
    assert wait(federation, 1) == []


@pytest.mark.parametrize("event", ENDINGS)
def test_what_never_started_cannot_end(event: Ending) -> None:
    federation = registered(A)
    federation.handle(submission(needs_review=True), 1.0)

    federation.handle(event(id_of(federation)), 2.0)

    assert status_of(federation) is Status.PENDING


def test_a_participant_can_fail_its_experiment() -> None:
    federation = registered(A, B)
    federation.handle(submission(MRI, A, B), 1.0)

    effects = federation.handle(
        FailureReported(experiment=MRI, collaborator=B, code=7, description="no memory"), 2.0
    )

    assert [type(effect) for effect in effects] == [StopRun, Release]
    failed = federation.catalogue.owned(MRI, "alice")
    assert failed.status is Status.FAILED
    assert failed.reason == "b reported a failure (code 7): no memory"


@pytest.mark.parametrize(
    ("name", "collaborator", "reason"),
    [
        (CT, A, "there is no such experiment"),
        (MRI, B, "its sender has no part in the experiment"),
        (ExperimentName("waiting"), A, "the experiment is pending"),
    ],
)
def test_a_failure_report_by_anybody_else_changes_nothing(
    name: ExperimentName, collaborator: EnvoyName, reason: str
) -> None:
    federation = registered(A, B)
    federation.handle(submission(), 1.0)
    federation.handle(submission(ExperimentName("waiting"), needs_review=True), 1.0)

    effects = federation.handle(FailureReported(experiment=name, collaborator=collaborator), 2.0)

    assert effects == (Disregard(experiment=name, collaborator=collaborator, reason=reason),)
    assert status_of(federation) is Status.IN_PROGRESS


def test_a_failure_report_about_a_removed_experiment_is_not_about_its_namesake() -> None:
    federation = registered(A, B)
    federation.handle(submission(MRI, A), 1.0)
    federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)
    federation.handle(submission(MRI, A, B), 3.0)
    late, other = (FailureReported(experiment=MRI, collaborator=name) for name in (A, B))

    assert federation.why_disregard(late) == "it is about a removed experiment of the same name"
    assert federation.why_disregard(other) is None


@pytest.mark.parametrize("how", ["handed out", "fetched", "called", "before a restart"])
def test_whoever_has_heard_of_the_namesake_may_fail_it(how: str) -> None:
    federation = registered(A)
    federation.handle(submission(MRI, A), 1.0)
    federation.handle(ExperimentRemoved(name=MRI, owner="alice"), 2.0)
    federation.handle(submission(MRI, A), 3.0)
    namesake = id_of(federation)

    match how:
        case "handed out":
            wait(federation, 1)
        case "fetched":
            federation.handle(
                ArchiveFetched(experiment=namesake, collaborator=A, connection="1"), 4.0
            )
        case "called":
            federation.handle(CollaboratorCalled(experiment=namesake, collaborator=A), 4.0)
        case _:
            # Nobody remembers whom it was told, so a report is believed.
            federation.resume(4.0)

    assert federation.why_disregard(FailureReported(experiment=MRI, collaborator=A)) is None
