"""The course of a run: tasks, rounds, metrics, and what is told of the collaborators."""

from dataclasses import replace

from director.core.aggregation import Aggregation
from director.core.model import EnvoyName, Idle, Metric, Plan, Quit, Work
from director.core.run_effects import MetricsMeasured, RoundClosed, RunCompleted
from director.core.views import CollaboratorView
from tests.director.core.runs import (
    GLOBAL,
    LOCAL,
    MODEL,
    PLAN,
    TRAIN,
    A,
    B,
    array,
    only,
    plain,
    play_round,
    started,
    trained,
    validated,
)


def test_a_collaborator_is_given_what_it_has_not_reported_as_often_as_it_asks() -> None:
    run = started()

    first, again = run.tasks_for(A), run.tasks_for(A)
    run.handle(trained(A, MODEL))
    later = run.tasks_for(A)

    assert first == again == Work(round=0, tasks=(TRAIN, LOCAL, GLOBAL))
    assert later == Work(round=0, tasks=(LOCAL, GLOBAL))


def test_a_collaborator_that_is_done_waits_for_the_others() -> None:
    run = started()
    for result in (trained(A, MODEL), validated(A, 0.1, task=LOCAL), validated(A, 0.1)):
        run.handle(result)

    assert run.tasks_for(A) == Idle(round=0)
    assert run.tasks_for(B) == Work(round=0, tasks=PLAN.tasks)


def test_tasks_may_be_reported_in_any_order() -> None:
    run = started()

    for result in (
        validated(A, 0.1),
        trained(B, MODEL),
        validated(B, 0.1, task=LOCAL),
        validated(A, 0.1, task=LOCAL),
        validated(B, 0.1),
        trained(A, MODEL),
    ):
        run.handle(result)

    assert run.round == 1


def test_a_run_ends_after_its_last_round() -> None:
    run = started()

    first, second = play_round(run), play_round(run)

    assert only(RunCompleted, first) == []
    assert second[-1] == RunCompleted()
    assert run.is_over
    assert run.progress == 1.0
    assert [run.tasks_for(name) for name in (A, B)] == [Quit(round=2), Quit(round=2)]


def test_a_stopped_run_sends_everybody_home() -> None:
    run = started()
    play_round(run)

    run.stop()

    assert run.tasks_for(A) == Quit(round=1)
    assert run.is_over
    assert run.progress == 0.5


def test_a_stranger_is_sent_home() -> None:
    assert started().tasks_for(EnvoyName("eve")) == Quit(round=0)


# ---------------------------------------------------------------- metrics


def test_metrics_are_told_when_measured_and_their_means_when_the_round_closes() -> None:
    run = started(Plan(rounds=1, tasks=(TRAIN, GLOBAL)))

    told = [
        metric
        for result in (
            trained(A, MODEL, loss=1.0, size=3),
            validated(B, 0.25, size=1),
            validated(A, 0.75, size=1),
            trained(B, MODEL, loss=2.0, size=1),
        )
        for effect in only(MetricsMeasured, run.handle(result))
        for metric in effect.metrics
    ]

    assert [(told_.origin, told_.task, told_.name, told_.value) for told_ in told] == [
        ("a", "train", "loss", 1.0),
        ("b", "aggregated_model_validate", "acc", 0.25),
        ("a", "aggregated_model_validate", "acc", 0.75),
        ("b", "train", "loss", 2.0),
        ("aggregator", "train", "loss", 1.25),
        ("aggregator", "aggregated_model_validate", "acc", 0.5),
    ]
    assert list(run.metrics) == told


def test_a_closed_round_holds_all_its_metrics_and_nobody_elses() -> None:
    run = started()

    first, second = (only(RoundClosed, play_round(run))[0] for _ in range(2))

    assert [*first.metrics, *second.metrics] == list(run.metrics)
    assert {metric.round for metric in first.metrics} == {0}
    assert len(first.metrics) == 2 * 3 + 3


def test_a_metric_that_is_not_reported_has_no_mean_but_still_tells_the_best_model() -> None:
    run = started(Plan(rounds=1, tasks=(GLOBAL,)))
    results = [validated(name, 0.5) for name in (A, B)]
    silent = [
        replace(result, tensors=tuple(replace(each, report=False) for each in result.tensors))
        for result in results
    ]

    effects = [effect for result in silent for effect in run.handle(result)]

    assert [metric.origin for metric in run.metrics] == ["a", "b"]
    assert only(RoundClosed, effects)[0].score == 0.5
    assert plain(run.best) == plain(MODEL)


def test_metrics_are_float32_as_on_the_wire() -> None:
    run = started(Plan(rounds=1, tasks=(GLOBAL,)))

    run.handle(validated(A, 0.1))
    run.handle(validated(B, 0.3))

    assert run.metrics[-1] == Metric(
        origin="aggregator",
        task="aggregated_model_validate",
        name="acc",
        value=float(array((float(array(0.1)[0]) + float(array(0.3)[0])) / 2)[0]),
        round=0,
    )


# ---------------------------------------------------------------- what is told of collaborators


def shown(run: Aggregation) -> list[tuple[str, str, str]]:
    return [(view.status, view.current_task, view.next_task) for view in run.collaborator_views()]


def test_a_collaborators_view_follows_what_it_asks_for_and_reports() -> None:
    run = started()
    train, local, last = (task.name for task in PLAN.tasks)

    assert shown(run) == [("pending", "", train), ("pending", "", train)]

    run.tasks_for(A)
    assert shown(run)[0] == ("in_progress", train, local)

    run.handle(trained(A, MODEL))
    run.handle(validated(A, 0.1, task=LOCAL))
    assert shown(run)[0] == ("in_progress", last, train)

    run.handle(validated(A, 0.1))
    assert shown(run) == [("waiting", "", train), ("pending", "", train)]

    for result in (trained(B, MODEL), validated(B, 0.1, task=LOCAL), validated(B, 0.1)):
        run.handle(result)
    assert shown(run) == [("waiting", "", train), ("waiting", "", train)]

    play_round(run)
    assert shown(run) == [("finished", "", ""), ("finished", "", "")]


def test_in_the_last_round_nothing_follows_the_last_task() -> None:
    run = started(Plan(rounds=1, tasks=PLAN.tasks))
    run.handle(trained(A, MODEL))
    run.handle(validated(A, 0.1, task=LOCAL))

    assert shown(run)[0] == ("in_progress", GLOBAL.name, "")


def test_a_stopped_run_shows_who_had_come_how_far() -> None:
    run = started()
    play_round(run)

    run.stop()

    assert run.collaborator_views()[0] == CollaboratorView(
        name=A, status="stopped", progress=0.5, round=1, current_task="", next_task=""
    )
