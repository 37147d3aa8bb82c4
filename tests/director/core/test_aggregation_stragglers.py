"""Rounds that close without somebody: what counts, what comes too late, and what is told of it."""

from collections.abc import Mapping, Sequence

import pytest

from director.core.aggregation import Aggregation
from director.core.attendance import Presence
from director.core.model import EnvoyName, Idle, Model, TaskResult, Work
from director.core.run_effects import MetricsMeasured, ResultDisregarded, RoundClosed, RunEffect
from tests.director.core.runs import (
    GLOBAL,
    LOCAL,
    MODEL,
    PLAN,
    A,
    B,
    array,
    only,
    plain,
    play_round,
    restored,
    started,
    trained,
    validated,
)

BETTER: Model = {"slope": array(3.0, 4.0), "bias": array(1.0)}
WORSE: Model = {"slope": array(-9.0, -9.0), "bias": array(-9.0)}


def everything(
    collaborator: EnvoyName, model: Model = BETTER, *, round_number: int = 0
) -> list[TaskResult]:
    return [
        trained(collaborator, model, round_number=round_number),
        validated(collaborator, 0.9, task=LOCAL, round_number=round_number),
        validated(collaborator, 0.5, round_number=round_number),
    ]


def report(run: Aggregation, results: Sequence[TaskResult]) -> list[RunEffect]:
    return [effect for result in results for effect in run.take(result)]


def close(run: Aggregation) -> RoundClosed:
    """Close the round with what there is."""
    run.seal()
    (closed,) = only(RoundClosed, run.close_round(run.outcome()))
    return closed


def shown(run: Aggregation, presence: Mapping[EnvoyName, Presence]) -> list[tuple[str, str, str]]:
    return [
        (view.status, view.current_task, view.next_task)
        for view in run.collaborator_views(presence)
    ]


def test_a_round_that_closes_early_is_the_mean_of_those_who_have_reported() -> None:
    run = started()
    report(run, everything(A))

    closed = close(run)

    assert plain(closed.model) == plain(BETTER)
    assert closed.reporters == (A,)
    assert run.round == 1


def test_who_has_not_reported_everything_does_not_count_at_all() -> None:
    run = started()
    report(run, [*everything(A), trained(B, WORSE, loss=99.0), validated(B, 0.0, task=LOCAL)])

    closed = close(run)

    assert plain(closed.model) == plain(BETTER)
    means = {metric.name: metric.value for metric in closed.metrics if metric.origin != A}
    assert means["loss"] == 0.5
    assert closed.score == 0.5


def test_what_was_measured_was_measured_although_it_did_not_count() -> None:
    run = started()

    effects = report(run, [*everything(A), trained(B, WORSE, loss=99.0)])
    closed = close(run)

    seen = [metric for effect in only(MetricsMeasured, effects) for metric in effect.metrics]
    assert seen[-1].value == 99.0
    assert seen[-1] in closed.metrics


def test_a_round_in_which_nobody_reported_leaves_the_model_as_it_was() -> None:
    run = started()

    closed = close(run)

    assert plain(closed.model) == plain(MODEL)
    assert closed.score is None
    assert not closed.is_best
    assert not closed.metrics


def test_while_a_round_is_being_closed_nothing_more_counts() -> None:
    run = started()
    report(run, everything(A))
    run.seal()

    effects = report(run, everything(B, WORSE))

    reasons = {effect.reason for effect in only(ResultDisregarded, effects)}
    assert reasons == {"the round is being closed without it"}
    assert run.tasks_for(B) == Idle(round=0)
    (closed,) = only(RoundClosed, run.close_round(run.outcome()))
    assert plain(closed.model) == plain(BETTER)


def test_who_comes_back_is_given_the_tasks_of_the_running_round() -> None:
    run = started()
    report(run, [*everything(A), trained(B, WORSE)])
    close(run)

    late = report(run, [validated(B, 0.0)])

    (disregarded,) = only(ResultDisregarded, late)
    assert disregarded.reason == "the running round is 1"
    assert run.tasks_for(B) == Work(round=1, tasks=PLAN.tasks)
    report(run, everything(B, BETTER, round_number=1))
    assert close(run).reporters == (B,)
    assert [view.progress for view in run.collaborator_views()] == [0.5, 0.5]


# ---------------------------------------------------------------- what is told


def test_who_is_offline_is_absent_and_who_is_dead_is_dropped() -> None:
    run = started()
    train = PLAN.tasks[0].name
    run.tasks_for(A)

    assert shown(run, {A: Presence.HERE, B: Presence.OFFLINE}) == [
        ("in_progress", train, LOCAL.name),
        ("absent", "", train),
    ]
    assert shown(run, {A: Presence.OFFLINE, B: Presence.DEAD}) == [
        ("absent", "", train),
        ("dropped", "", train),
    ]


def test_the_dead_who_had_reported_before_are_not_dropped() -> None:
    run = started()
    report(run, everything(A))

    assert shown(run, {A: Presence.DEAD})[0] == ("absent", "", PLAN.tasks[0].name)


def test_in_the_end_only_those_who_went_to_the_end_have_finished() -> None:
    run = started()
    play_round(run)
    report(run, everything(A, round_number=1))
    close(run)

    first, second = run.collaborator_views({B: Presence.DEAD})

    assert (first.status, first.progress) == ("finished", 1.0)
    assert (second.status, second.progress) == ("dropped", 0.5)
    assert not second.next_task


@pytest.mark.parametrize(
    ("presence", "status"),
    [(Presence.HERE, "stopped"), (Presence.OFFLINE, "absent"), (Presence.DEAD, "dropped")],
)
def test_a_run_that_was_stopped_shows_who_was_there(presence: Presence, status: str) -> None:
    run = started()
    run.stop()

    assert shown(run, {A: presence})[0] == (status, "", "")


def test_who_had_finished_is_known_to_a_restored_run() -> None:
    run = started()
    report(run, everything(A))
    first = close(run)
    report(run, [*everything(A, round_number=1), *everything(B, round_number=1)])
    second = close(run)

    again = restored([first, second])

    assert again.collaborator_views() == run.collaborator_views()
    assert [view.status for view in again.collaborator_views()] == ["finished", "finished"]
    assert [view.progress for view in again.collaborator_views()] == [1.0, 0.5]
    assert GLOBAL.name not in [view.current_task for view in again.collaborator_views()]
