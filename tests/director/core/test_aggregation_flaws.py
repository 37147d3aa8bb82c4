"""What is useless in a result is left out and said; it stops nobody and spoils nothing."""

import gzip
import math
from dataclasses import replace

import numpy as np
import pytest

from director.core.model import EncodedTensor, EnvoyName, Plan, TaskResult, Transformer
from director.core.run_effects import MetricsMeasured, ResultDisregarded, RoundClosed
from director.core.tensors import encode
from tests.director.core.flawed import GOOD, ONE_ROUND, reasons, tensor, with_tensors
from tests.director.core.runs import (
    GLOBAL,
    MODEL,
    A,
    B,
    array,
    metric,
    only,
    plain,
    play_round,
    started,
    trained,
    validated,
)

# ---------------------------------------------------------------- results that do not count


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        pytest.param(replace(GOOD, round=1), "the running round is 0", id="a round ahead"),
        pytest.param(replace(GOOD, round=-1), "the running round is 0", id="a round behind"),
        pytest.param(replace(GOOD, task="dance"), "the plan has no such task", id="unknown task"),
        pytest.param(
            replace(GOOD, collaborator=EnvoyName("eve")),
            "its sender has no part in the experiment",
            id="a stranger",
        ),
    ],
)
def test_a_result_that_is_not_due_changes_nothing(result: TaskResult, reason: str) -> None:
    run = started()

    effects = run.handle(result)

    assert effects == (
        ResultDisregarded(
            collaborator=result.collaborator, task=result.task, round=result.round, reason=reason
        ),
    )
    assert list(run.metrics) == []


def test_a_result_that_is_sent_twice_counts_once() -> None:
    run = started(ONE_ROUND)
    run.handle(GOOD)

    effects = run.handle(trained(B, {"slope": array(100, 100)}, loss=9.0))
    run.handle(trained(A, {"slope": array(1.0, 2.0), "bias": array(3.0)}))

    assert reasons(effects) == ["it was reported before"]
    assert plain(run.last) == {"slope": [2.0, 3.0], "bias": [4.0]}
    assert [told.origin for told in run.metrics] == ["b", "a", "aggregator"]


def test_after_the_end_nothing_counts() -> None:
    completed, stopped = started(ONE_ROUND), started()
    for name in (A, B):
        completed.handle(trained(name, MODEL))
    stopped.stop()

    assert reasons(completed.handle(replace(GOOD, round=1))) == ["the run is over"]
    assert reasons(stopped.handle(GOOD)) == ["the run is over"]


# ---------------------------------------------------------------- tensors that do not count


@pytest.mark.parametrize(
    ("flawed", "reason"),
    [
        pytest.param(tensor("slope", math.nan, 0), "not finite", id="NaN"),
        pytest.param(tensor("slope", math.inf, 0), "not finite", id="infinity"),
        pytest.param(tensor("slope", 1, 2, 3), "instead of", id="another shape"),
        pytest.param(tensor("slope"), "instead of", id="no values"),
        pytest.param(
            replace(tensor("slope", 1, 2), content=b"\0" * 7), "bytes", id="cut in the middle"
        ),
        pytest.param(replace(tensor("slope", 1, 2), transformers=()), "no shape", id="no shape"),
        pytest.param(tensor("", 1, 2), "no name", id="no name"),
        pytest.param(
            tensor("new", 1, tags=("trained", "delta")), "nothing we have", id="difference to none"
        ),
        pytest.param(tensor("new", math.nan), "not finite", id="a new tensor of NaN"),
    ],
)
def test_a_flawed_tensor_leaves_out_all_that_its_sender_trained(
    flawed: EncodedTensor, reason: str
) -> None:
    run = started(ONE_ROUND)

    effects = run.handle(with_tensors(tensor("bias", 100), flawed, metric("loss", 0.5)))
    run.handle(GOOD)

    assert [reason in told for told in reasons(effects)] == [True]
    assert plain(run.last) == {"slope": [3.0, 4.0], "bias": [5.0]}
    assert [told.name for told in only(MetricsMeasured, effects)[0].metrics] == ["loss"]


def test_a_lossy_tensor_counts_like_any_other() -> None:
    run = started(ONE_ROUND)
    indexes = np.array([1, 0], "<f4").tobytes()
    lossy = EncodedTensor(
        name="slope",
        lossless=False,
        tags=("delta", "lossy_compressed", "trained"),
        transformers=(Transformer(int_list=(2,), int_to_float={0: 0.0, 1: 2.0}), Transformer()),
        content=gzip.compress(indexes),
    )

    effects = run.handle(with_tensors(lossy))
    run.handle(trained(B, {"slope": array(1, 2)}))

    assert reasons(effects) == []
    assert plain(run.last)["slope"] == [2.0, 2.0]


def test_a_small_message_does_not_unfold_to_a_tensor_of_another_shape() -> None:
    run = started(ONE_ROUND)
    steps = (Transformer(int_list=(2**28,), int_to_float={0: 0.0}), Transformer())
    bomb = replace(tensor("slope"), transformers=steps, content=gzip.compress(bytes(2**20)))

    effects = run.handle(with_tensors(bomb))

    assert ["instead of (2,)" in reason for reason in reasons(effects)] == [True]


def test_a_step_past_the_largest_number_is_left_out() -> None:
    run = started(ONE_ROUND, {"slope": array(3e38, 0)})

    effects = run.handle(with_tensors(tensor("slope", 3e38, 0, tags=("trained", "delta"))))
    run.handle(trained(B, {"slope": array(1, 1)}))

    assert len(reasons(effects)) == 1
    assert plain(run.last) == {"slope": [1.0, 1.0]}


def test_a_name_sent_twice_leaves_out_all_that_its_sender_trained() -> None:
    run = started(ONE_ROUND)

    effects = run.handle(with_tensors(tensor("bias", 1), tensor("bias", 2)))
    run.handle(GOOD)

    assert len(reasons(effects)) == 1
    assert plain(run.last)["bias"] == [5.0]


def test_a_negative_number_of_samples_is_no_weight() -> None:
    run = started(ONE_ROUND)

    effects = run.handle(trained(A, {"bias": array(100)}, size=-3, loss=100.0))
    run.handle(replace(GOOD, data_size=2))

    assert reasons(effects) == ["data_size -3 cannot be a weight"]
    assert plain(run.last)["bias"] == [5.0]
    assert run.metrics[-1].value == 0.5


def test_where_nobody_sent_anything_usable_the_model_stays() -> None:
    run = started(ONE_ROUND)
    bad = trained(A, {"slope": array(math.nan, 0)})

    run.handle(bad)
    effects = run.handle(replace(bad, collaborator=B))

    assert plain(run.last) == plain(MODEL)
    assert len(only(RoundClosed, effects)) == 1


def test_a_flawed_collaborator_does_not_hold_up_the_run() -> None:
    run = started()

    play_round(run, models=({"slope": array(math.nan, 0)}, MODEL))
    play_round(run, models=({"slope": array(1)}, MODEL))

    assert run.is_over
    assert plain(run.last) == plain(MODEL)


# ---------------------------------------------------------------- metrics that do not count


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_not_finite_is_told_but_is_in_no_mean(value: float) -> None:
    run = started(Plan(rounds=1, tasks=(GLOBAL,)))

    run.handle(validated(A, value))
    effects = run.handle(validated(B, 0.25))

    assert np.array_equal(run.metrics[0].value, value, equal_nan=True)
    assert run.metrics[-1].value == 0.25
    assert only(RoundClosed, effects)[0].score == 0.25


def test_a_metric_that_nobody_could_measure_has_no_mean_and_makes_no_model_the_best() -> None:
    run = started(Plan(rounds=1, tasks=(GLOBAL,)))

    run.handle(validated(A, math.nan))
    effects = run.handle(validated(B, math.nan))

    assert [told.origin for told in run.metrics] == ["a", "b"]
    assert not only(RoundClosed, effects)[0].is_best
    assert dict(run.best) == {}


@pytest.mark.parametrize(
    "flawed",
    [
        encode("acc", array(1, 2), round_number=0, tags=("metric",)),
        encode("acc", array(), round_number=0, tags=("metric",)),
        replace(metric("acc", 1.0), content=b"\0"),
        metric("", 1.0),
    ],
)
def test_a_metric_that_is_not_one_number_with_a_name_is_left_out(flawed: EncodedTensor) -> None:
    run = started(ONE_ROUND)

    effects = run.handle(with_tensors(flawed, metric("loss", 0.5)))

    assert len(reasons(effects)) == 1
    assert [told.name for told in run.metrics] == ["loss"]


def test_of_a_metric_sent_twice_the_first_counts() -> None:
    run = started(ONE_ROUND)

    effects = run.handle(with_tensors(metric("loss", 0.5), metric("loss", 0.7)))

    assert reasons(effects) == ["metric 'loss' is there twice"]
    assert [told.value for told in run.metrics] == [0.5]


def test_an_empty_result_counts_as_reported() -> None:
    run = started(ONE_ROUND)

    run.handle(with_tensors())
    run.handle(replace(with_tensors(), collaborator=B))

    assert run.round == 1
    assert plain(run.last) == plain(MODEL)
