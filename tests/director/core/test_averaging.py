"""Aggregations by name: what each makes of the same tensors."""

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, strategies as st

from director.core.averaging import (
    AGGREGATIONS,
    Moment,
    ServerOptimiser,
    adagrad,
    adam,
    yogi,
)
from director.core.model import Array

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
SAMPLES = st.integers(1, 6).flatmap(
    lambda count: st.tuples(
        arrays.arrays(np.float32, (count, 3), elements=FINITE),
        st.lists(st.integers(0, 2**31 - 1).map(float), min_size=count, max_size=count),
    )
)
MEMORYLESS = ["weighted_average", "median", "geometric_median"]


def array(*values: float) -> Array:
    return np.array(values, np.float32)


def combined(name: str, values: list[Array], weights: list[float]) -> Array:
    return AGGREGATIONS[name]().combine("w", array(*([0.0] * values[0].size)), values, weights)


def test_the_weighted_average_is_summed_in_float64() -> None:
    # In float32 the small values would vanish beside the large one.
    values = [array(2**25), array(1.0), array(1.0), array(-(2**25))]

    assert combined("weighted_average", values, [1.0] * 4).tolist() == [0.5]


@pytest.mark.parametrize("name", MEMORYLESS)
def test_weights_that_are_all_zero_count_alike(name: str) -> None:
    values = [array(0.0), array(3.0), array(0.0)]

    nobody_counts = combined(name, values, [0.0, 0.0, 0.0])

    assert nobody_counts.tolist() == combined(name, values, [7.0, 7.0, 7.0]).tolist()


def test_the_median_pays_no_heed_to_weights() -> None:
    values = [array(0.0, 1.0), array(1.0, 5.0), array(10.0, 6.0)]

    assert combined("median", values, [100.0, 1.0, 1.0]).tolist() == [1.0, 5.0]
    assert combined("median", values[:2], [3.0, 1.0]).tolist() == [0.5, 3.0]


def test_the_geometric_median_is_where_most_weight_lies() -> None:
    values = [array(0.0, 1.0), array(1.0, 5.0), array(10.0, 6.0)]

    result = combined("geometric_median", values, [0.7, 0.2, 0.1])

    assert np.allclose(result, [0.0, 1.0], atol=1e-4)


def test_the_geometric_median_of_a_triangle_sees_its_sides_under_equal_angles() -> None:
    # The Fermat point of an equilateral triangle is its centre.
    corners = [array(0.0, 0.0), array(1.0, 0.0), array(0.5, 0.75**0.5)]

    result = combined("geometric_median", corners, [1.0, 1.0, 1.0])

    assert np.allclose(result, [0.5, 0.75**0.5 / 3], atol=1e-5)


def test_a_geometric_median_that_is_slow_to_find_is_found_nearly() -> None:
    # The two pull at the first with exactly its own weight, which halts the iteration's progress.
    values, pull = [array(0.0, 0.0), array(1.0, 1.0), array(1.0, -1.0)], 0.5**0.5

    result = combined("geometric_median", values, [1.0, pull, pull])

    assert np.allclose(result, [0.0, 0.0], atol=0.02)


@pytest.mark.parametrize("name", MEMORYLESS)
@given(sample=SAMPLES)
def test_an_aggregate_lies_between_the_least_and_the_greatest(
    name: str, sample: tuple[Array, list[float]]
) -> None:
    values, weights = sample

    result = combined(name, list(values), weights)

    assert (result >= values.min(axis=0)).all()
    assert (result <= values.max(axis=0)).all()


@pytest.mark.parametrize("name", MEMORYLESS)
@given(sample=SAMPLES, data=st.data())
def test_the_order_of_collaborators_hardly_matters(
    name: str, sample: tuple[Array, list[float]], data: st.DataObject
) -> None:
    values, weights = sample
    order = data.draw(st.permutations(range(len(weights))))

    straight = combined(name, list(values), weights)
    shuffled = combined(name, [values[i] for i in order], [weights[i] for i in order])

    spread = float(np.abs(values).max())
    assert np.allclose(straight, shuffled, rtol=1e-5, atol=1e-5 * spread)


# ---------------------------------------------------------------- server optimisers


@pytest.mark.parametrize(
    ("second", "moment"),
    [
        (adagrad, 0.01**2 + 4.0),
        (adam, 0.99 * 0.01**2 + 0.01 * 4.0),
        (yogi, 0.01**2 + 0.01 * 4.0),
    ],
)
def test_a_first_step_is_that_of_the_paper(second: Moment, moment: float) -> None:
    optimiser = ServerOptimiser(second=second, rate=0.5, tau=0.01)

    result = optimiser.combine("w", array(1.0), [array(2.0), array(4.0)], [1.0, 1.0])

    step = 0.5 * (0.1 * 2.0) / (moment**0.5 + 0.01)
    assert np.allclose(result, [1.0 + step], rtol=1e-6)


@pytest.mark.parametrize("name", ["fedadagrad", "fedadam", "fedyogi"])
def test_a_restored_optimiser_goes_on_with_the_same_bits(name: str) -> None:
    kept, restored = AGGREGATIONS[name](), AGGREGATIONS[name]()
    base = kept.combine("w", array(0.0, 1.0), [array(0.3, 0.7)], [1.0])

    restored.recall(kept.memory)

    again = restored.combine("w", base, [array(0.1, -0.9)], [1.0])
    assert again.tolist() == kept.combine("w", base, [array(0.1, -0.9)], [1.0]).tolist()


@pytest.mark.parametrize("name", ["fedadagrad", "fedadam", "fedyogi"])
def test_an_optimiser_walks_towards_what_everybody_agrees_on(name: str) -> None:
    optimiser, model = AGGREGATIONS[name](), array(0.0)

    for _ in range(300):
        model = optimiser.combine("w", model, [array(1.0)], [1.0])

    assert abs(float(model[0]) - 1.0) < 0.2


@pytest.mark.parametrize("name", list(AGGREGATIONS))
def test_a_tensor_that_the_model_did_not_have_is_averaged(name: str) -> None:
    result = AGGREGATIONS[name]().combine("new", None, [array(1.0), array(1.0)], [1.0, 1.0])

    assert result.tolist() == [1.0]
