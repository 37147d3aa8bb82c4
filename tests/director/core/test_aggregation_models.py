"""The models of a run: how they come about, and how they are served to collaborators."""

from dataclasses import replace

import pytest

from director.core.aggregation import Aggregation
from director.core.model import EnvoyName, Plan, Task, TensorRequest
from director.core.run_effects import RoundClosed
from director.core.tensors import decode
from director.errors import UnavailableError
from tests.director.core.runs import (
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
