"""What models may hold besides weights, and which tensors join them."""

import math

import pytest

from director.core.aggregation import Aggregation
from director.core.model import Model, Plan, TensorRequest
from director.core.tensors import decode
from tests.director.core.flawed import GOOD, ONE_ROUND, reasons, tensor, with_tensors
from tests.director.core.runs import MODEL, TRAIN, A, B, array, metric, plain, started, trained


def test_a_constant_that_is_not_finite_stays_as_it_is() -> None:
    mask = array(-math.inf, 0.0)
    run = started(ONE_ROUND, {"mask": mask, "bias": array(0)})

    told = [
        *run.handle(trained(A, {"mask": mask, "bias": array(1)}, size=0)),
        *run.handle(trained(B, {"mask": array(math.nan, 2), "bias": array(3)}, size=2)),
    ]

    assert reasons(told) == []
    assert plain(run.last) == {"mask": [-math.inf, 2.0], "bias": [3.0]}


def test_the_difference_of_a_constant_that_is_not_finite_is_nothing() -> None:
    run = Aggregation(Plan(rounds=2, tasks=(TRAIN,)), [A], {"mask": array(-math.inf)})
    run.handle(trained(A, {"mask": array(-math.inf)}))

    request = TensorRequest(name="mask", round=1, tags=("aggregated", "delta"))
    difference = run.tensor(A, request)

    assert decode(difference).tolist() == [0.0]


def test_a_tensor_that_everybody_sends_joins_the_model() -> None:
    run = started(ONE_ROUND)
    moment = array(2.0, 4.0)

    run.handle(trained(A, {**MODEL, "z_moment": moment, "a_moment": moment}))
    run.handle(trained(B, {**MODEL, "a_moment": moment, "z_moment": array(0, 0)}))

    assert list(run.last) == ["slope", "bias", "a_moment", "z_moment"]
    assert run.last["z_moment"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("other", [{}, {"moment": array(1.0, 2.0, 3.0)}])
def test_a_tensor_that_not_everybody_sends_alike_does_not_join_the_model(other: Model) -> None:
    run = started(ONE_ROUND)

    run.handle(trained(A, {**MODEL, "moment": array(1.0)}))
    run.handle(trained(B, {**MODEL, **other}))

    assert list(run.last) == ["slope", "bias"]


def test_a_tensor_is_averaged_over_those_who_sent_it() -> None:
    run = started(ONE_ROUND)

    run.handle(trained(A, {"bias": array(1)}, size=1))
    run.handle(trained(B, {"bias": array(5), "slope": array(7, 7)}, size=3))

    assert plain(run.last) == {"slope": [7.0, 7.0], "bias": [4.0]}


def test_what_is_neither_trained_nor_a_metric_is_passed_over() -> None:
    run = started(ONE_ROUND)

    effects = run.handle(with_tensors(tensor("bias", 100, tags=("compressed",)), metric("m", 1.0)))
    run.handle(GOOD)

    assert reasons(effects) == []
    assert plain(run.last)["bias"] == [5.0]
