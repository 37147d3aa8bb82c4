"""Rounds whose tensors are made one by functions that are not the core's own."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from director.core.aggregation import Aggregation
from director.core.averaging import PICKLED
from director.core.foreign import ForeignOutcome, ForeignWork, keep, kept
from director.core.model import Model, Plan
from director.core.run_effects import RoundClosed
from tests.director.core.runs import (
    LOCAL,
    MODEL,
    PLAN,
    A,
    B,
    array,
    only,
    plain,
    restored,
    started,
    trained,
    validated,
)

FOREIGN = Plan(rounds=4, tasks=PLAN.tasks, aggregations={"fit": PICKLED})


def sealed(run: Aggregation, *models: Model, sizes: tuple[int, int] = (1, 3)) -> ForeignWork:
    """Let everybody report everything of the running round, and say what is to be done then."""
    number = run.round
    for collaborator, model, size in zip((A, B), models, sizes, strict=True):
        run.take(trained(collaborator, model, size=size, round_number=number))
        run.take(validated(collaborator, 0.9, task=LOCAL, size=size, round_number=number))
        run.take(validated(collaborator, 0.5, size=size, round_number=number))
    run.seal()
    work = run.foreign_work()
    assert work is not None
    return work


def closed(run: Aggregation, model: Model, memory: bytes = b"") -> RoundClosed:
    outcome = run.outcome(ForeignOutcome(models={"train": model}, memory=memory))
    return only(RoundClosed, run.close_round(outcome))[0]


def test_work_names_who_sent_what_and_how_much_it_weighs() -> None:
    run = started(FOREIGN)

    work = sealed(run, {"bias": array(1)}, {"bias": array(5)})

    (task,) = work.tasks
    assert (work.round, task.task, task.function) == (0, "train", "fit")
    assert [
        (share.collaborator, share.value.tolist(), share.weight) for share in task.tensors["bias"]
    ] == [("a", [1.0], 0.25), ("b", [5.0], 0.75)]
    assert {number: plain(model) for number, model in work.models.items()} == {0: plain(MODEL)}


def test_without_samples_everybody_weighs_the_same() -> None:
    work = sealed(started(FOREIGN), {"bias": array(1)}, {"bias": array(5)}, sizes=(0, 0))

    assert [share.weight for share in work.tasks[0].tensors["bias"]] == [0.5, 0.5]


def test_what_was_made_elsewhere_is_the_next_model() -> None:
    run = started(FOREIGN)
    sealed(run, {"bias": array(1)}, {"bias": array(5)})

    outcome = closed(run, {"bias": array(7)})

    assert plain(run.last) == {**plain(MODEL), "bias": [7.0]}
    assert [
        (metric.task, metric.name) for metric in outcome.metrics if metric.origin == "aggregator"
    ]


def test_a_constant_stays_and_so_does_what_a_function_makes_no_number_of() -> None:
    masked: Model = {"bias": array(0, -np.inf)}
    run = started(FOREIGN, masked)
    sealed(run, {"bias": array(1, -np.inf)}, {"bias": array(5, -np.inf)})

    closed(run, {"bias": array(np.nan, 3)})

    assert plain(run.last) == plain(masked)


def test_a_round_in_which_nobody_trained_needs_no_work_of_others() -> None:
    run = started(Plan(rounds=1, tasks=PLAN.tasks, aggregations={"check": PICKLED}))
    run.take(trained(A, MODEL))
    run.take(trained(B, MODEL))
    for name in (A, B):
        run.take(validated(name, 0.9, task=LOCAL))
        run.take(validated(name, 0.9))

    run.seal()

    assert run.foreign_work() is None
    assert plain(run.outcome().model) == plain(MODEL)


def test_the_last_two_models_and_the_memory_come_with_the_next_work() -> None:
    run = started(FOREIGN)
    for number in (1, 2, 3):
        sealed(run, {"bias": array(1)}, {"bias": array(5)})
        closed(run, {"bias": array(number)}, bytes([number]) * number)

    work = sealed(run, {"bias": array(1)}, {"bias": array(5)})

    assert {number: plain(model)["bias"] for number, model in work.models.items()} == {
        3: [3.0],
        2: [2.0],
    }
    assert work.memory == b"\3\3\3"


@pytest.mark.parametrize("crash_after", [1, 2, 3])
def test_a_restored_run_asks_for_the_same_work(crash_after: int) -> None:
    run = started(FOREIGN)
    rounds = []
    for number in range(crash_after):
        sealed(run, {"bias": array(1)}, {"bias": array(5)})
        rounds.append(closed(run, {"bias": array(number)}, b"learned" * number))

    again = sealed(restored(rounds, FOREIGN), {"bias": array(1)}, {"bias": array(5)})

    undisturbed = sealed(run, {"bias": array(1)}, {"bias": array(5)})
    assert again.memory == undisturbed.memory
    assert {number: plain(model) for number, model in again.models.items()} == {
        number: plain(model) for number, model in undisturbed.models.items()
    }


def test_what_was_left_behind_lasts_where_nobody_had_anything_to_do() -> None:
    run = started(FOREIGN)
    sealed(run, {"bias": array(1)}, {"bias": array(5)})
    closed(run, {"bias": array(1)}, b"learned")
    for name in (A, B):
        run.take(trained(name, {}, round_number=1))
        run.take(validated(name, 0.9, task=LOCAL, round_number=1))
        run.take(validated(name, 0.9, round_number=1))
    run.seal()
    run.close_round(run.outcome())

    work = sealed(run, {"bias": array(1)}, {"bias": array(5)})

    assert work.memory == b"learned"


@given(st.binary(max_size=40))
def test_a_memory_comes_back_to_the_byte(memory: bytes) -> None:
    assert kept(keep(memory)) == memory
