"""The course of a run: tasks, rounds, models, metrics, and what is told of the collaborators."""

from dataclasses import replace

import pytest

from director.core.aggregation import Aggregation
from director.core.model import (
    EnvoyName,
    Idle,
    Metric,
    Plan,
    Quit,
    Task,
    TensorRequest,
    Work,
)
from director.core.run_effects import MetricsMeasured, RoundClosed, RunCompleted
from director.core.tensors import decode
from director.core.views import CollaboratorView
from director.errors import UnavailableError
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


# ---------------------------------------------------------------- models


def test_the_next_model_is_the_mean_weighted_by_samples() -> None:
    run = started()
    models = ({"slope": array(0, 0), "bias": array(8)}, {"slope": array(4, 8), "bias": array(0)})

    effects = play_round(run, models=models, sizes=(30, 10))

    (closed,) = only(RoundClosed, effects)
    assert plain(closed.model) == {"slope": [1.0, 2.0], "bias": [6.0]}
    assert run.last is closed.model


def test_without_samples_everybody_counts_alike() -> None:
    run = started()
    models = ({"slope": array(0, 0)}, {"slope": array(4, 8)})

    play_round(run, models=models, sizes=(0, 0))

    assert plain(run.last) == {"slope": [2.0, 4.0], "bias": [0.0]}


def test_differences_are_added_to_the_model_of_the_round() -> None:
    run = started()
    run.handle(trained(A, {"slope": array(0.5, 0.5)}, tags=("compressed", "delta", "trained")))
    run.handle(trained(B, {"slope": array(1.5, 3.5)}, tags=("compressed", "trained")))

    for name in (A, B):
        run.handle(validated(name, 0.1, task=LOCAL))
        run.handle(validated(name, 0.1))

    assert plain(run.last)["slope"] == [1.5, 3.0]


def test_before_the_first_round_has_closed_there_is_no_model_to_fetch() -> None:
    run = started()

    assert dict(run.last) == {}
    assert dict(run.best) == {}


def test_the_best_model_is_the_one_a_round_began_with_and_only_a_better_one_replaces_it() -> None:
    run = started(Plan(rounds=4, tasks=PLAN.tasks))
    best_after_round, flags = [], []

    for round_number, score in enumerate((0.5, 0.7, 0.7, 0.6)):
        model = {"slope": array(round_number, 0)}
        effects = play_round(run, scores=(score, score), models=(model, model))
        flags.append(only(RoundClosed, effects)[0].is_best)
        best_after_round.append(run.best["slope"].tolist())

    assert flags == [True, True, False, False]
    assert best_after_round == [[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert run.last["slope"].tolist() == [3.0, 0.0]


def test_a_plan_that_never_validates_has_no_best_model() -> None:
    run = started(Plan(rounds=1, tasks=(TRAIN,)))

    run.handle(trained(A, MODEL))
    effects = run.handle(trained(B, MODEL))

    assert only(RoundClosed, effects)[0].score is None
    assert dict(run.best) == {}
    assert plain(run.last) == plain(MODEL)


def test_what_a_later_task_trained_is_the_newer_state() -> None:
    finetune = Task(name="finetune", function_name="tune", task_type="train")
    run = Aggregation(Plan(rounds=1, tasks=(TRAIN, finetune)), [A], MODEL)

    run.handle(trained(A, {"slope": array(5, 5), "bias": array(5)}))
    run.handle(replace(trained(A, {"bias": array(9)}), task="finetune"))

    assert plain(run.last) == {"slope": [5.0, 5.0], "bias": [9.0]}


def test_a_task_is_aggregated_as_the_plan_says_for_its_function() -> None:
    names = [EnvoyName(name) for name in "abc"]
    run = Aggregation(Plan(rounds=1, tasks=(TRAIN,), aggregations={"fit": "median"}), names, MODEL)

    for name, value in zip(names, (1, 2, 100), strict=True):
        run.handle(trained(name, {"bias": array(value)}))

    assert run.last["bias"].tolist() == [2.0]


# ---------------------------------------------------------------- tensors for collaborators


def test_the_model_of_a_round_is_served_under_sorted_tags() -> None:
    run = started()

    served = run.tensor(A, TensorRequest(name="slope", round=0, tags=("model",), report=True))

    assert decode(served).tolist() == [1.0, 2.0]
    assert served.tags == ("compressed", "model")
    assert (served.name, served.round_number, served.lossless) == ("slope", 0, True)
    assert served.report


def test_the_difference_to_the_round_before_is_served() -> None:
    run = started()
    play_round(run, models=({"slope": array(3, 3)},) * 2)

    served = run.tensor(
        A,
        TensorRequest(
            name="slope",
            round=1,
            tags=("aggregated", "delta", "lossy_compressed"),
            require_lossless=False,
        ),
    )

    assert decode(served).tolist() == [2.0, 1.0]
    assert served.tags == ("aggregated", "compressed", "delta")


def test_who_is_a_round_late_still_gets_its_model_and_difference() -> None:
    run = started(Plan(rounds=5, tasks=PLAN.tasks))
    for value in (1, 2, 3):
        play_round(run, models=({"bias": array(value)},) * 2)

    late = run.tensor(A, TensorRequest(name="bias", round=2, tags=("model",)))
    change = run.tensor(A, TensorRequest(name="bias", round=2, tags=("aggregated", "delta")))

    assert decode(late).tolist() == [2.0]
    assert decode(change).tolist() == [1.0]


def test_who_slept_through_rounds_is_given_the_newest_model_and_no_difference_to_it() -> None:
    run = started(Plan(rounds=9, tasks=PLAN.tasks))
    for value in (1, 2, 3, 4):
        play_round(run, models=({"bias": array(value)},) * 2)

    late = run.tensor(A, TensorRequest(name="bias", round=0, tags=("model",)))
    change = run.tensor(A, TensorRequest(name="bias", round=1, tags=("aggregated", "delta")))
    half_there = run.tensor(A, TensorRequest(name="bias", round=2, tags=("aggregated", "delta")))

    assert (decode(late).tolist(), late.round_number) == ([4.0], 4)
    assert (decode(change).tolist(), change.round_number) == ([0.0], 1)
    assert (decode(half_there).tolist(), half_there.round_number) == ([0.0], 2)


@pytest.mark.parametrize(
    "request_",
    [
        TensorRequest(name="unknown", round=1, tags=("model",)),
        TensorRequest(name="slope", round=2, tags=("model",)),
        TensorRequest(name="slope", round=-1, tags=("model",)),
        TensorRequest(name="slope", round=0, tags=("aggregated", "delta")),
        TensorRequest(name="slope", round=1, tags=("trained", "a")),
    ],
)
def test_a_tensor_that_is_not_there_is_unavailable(request_: TensorRequest) -> None:
    run = started()
    play_round(run)

    with pytest.raises(UnavailableError, match="no tensor"):
        run.tensor(A, request_)


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
