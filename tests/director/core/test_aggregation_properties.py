"""What holds for every run, whatever is sent, in whichever order, and however often."""

import hypothesis.extra.numpy as arrays
import numpy as np
from hypothesis import given, strategies as st

from director.core.aggregation import Aggregation
from director.core.model import (
    Array,
    EncodedTensor,
    EnvoyName,
    Plan,
    Quit,
    TaskResult,
    Transformer,
    Work,
)
from director.core.run_effects import MetricsMeasured, RoundClosed, RunCompleted
from tests.director.core.runs import LOCAL, MODEL, PLAN, TRAIN, A, B, array, only, trained

FLOATS = st.floats(width=32)
ONE_ROUND = Plan(rounds=1, tasks=(TRAIN,))
NAMES = [EnvoyName(name) for name in "abcd"]

TAGS = st.lists(
    st.sampled_from(["trained", "metric", "delta", "validate_agg", "compressed"]), max_size=4
).map(tuple)
TENSORS = st.builds(
    EncodedTensor,
    name=st.sampled_from(["slope", "bias", "new", ""]),
    report=st.booleans(),
    tags=TAGS,
    transformers=st.lists(
        st.builds(Transformer, int_list=st.lists(st.integers(-1, 3), max_size=2).map(tuple)),
        max_size=2,
    ).map(tuple),
    content=st.one_of(
        st.binary(max_size=9),
        st.lists(FLOATS, max_size=3).map(lambda values: array(*values).tobytes()),
    ),
)
RESULTS = st.builds(
    TaskResult,
    collaborator=st.sampled_from([A, B, EnvoyName("eve")]),
    round=st.integers(-1, 2),
    task=st.sampled_from([task.name for task in PLAN.tasks] + ["unknown"]),
    data_size=st.integers(-(2**31), 2**31 - 1),
    tensors=st.lists(TENSORS, max_size=4).map(tuple),
)


@given(st.lists(RESULTS, max_size=30))
def test_whatever_is_sent_the_run_stands(results: list[TaskResult]) -> None:
    run = Aggregation(PLAN, [A, B], MODEL)
    seen = 0

    for result in results:
        rounds, progress = run.round, run.progress
        effects = run.handle(result)
        assert rounds <= run.round <= PLAN.rounds
        assert 0 <= progress <= run.progress <= 1
        told = [
            metric for measured in only(MetricsMeasured, effects) for metric in measured.metrics
        ]
        assert repr(list(run.metrics[seen:])) == repr(told)  # NaN is equal to itself only in text
        seen = len(run.metrics)
        assert len(only(RunCompleted, effects)) == (rounds < run.round == PLAN.rounds)
        assert all(0 <= view.progress <= 1 for view in run.collaborator_views())

    model = run.last or MODEL
    assert list(model)[:2] == list(MODEL)
    assert all(np.isfinite(value).all() for value in model.values())


@given(
    arrays.arrays(np.float32, (4, 2), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
    st.lists(st.integers(0, 2**31 - 1), min_size=4, max_size=4),
    st.permutations(range(4)),
    st.lists(st.integers(0, 3), max_size=8),
)
def test_neither_order_of_arrival_nor_repetition_changes_a_bit(
    values: Array, sizes: list[int], order: list[int], repeated: list[int]
) -> None:
    results = [
        trained(name, {"slope": value}, size=size)
        for name, value, size in zip(NAMES, values, sizes, strict=True)
    ]
    straight, tangled = (Aggregation(ONE_ROUND, NAMES, MODEL) for _ in range(2))

    for result in results:
        straight.handle(result)
    for position, index in enumerate(order):
        tangled.handle(results[index])
        for again in repeated:
            if again in order[: position + 1]:
                tangled.handle(results[again])

    assert tangled.last["slope"].tobytes() == straight.last["slope"].tobytes()
    assert (values.min(axis=0) <= straight.last["slope"]).all()
    assert (straight.last["slope"] <= values.max(axis=0)).all()


@given(st.lists(st.sampled_from([A, B]), max_size=12))
def test_a_run_ends_whichever_way_its_collaborators_take_turns(turns: list[EnvoyName]) -> None:
    run = Aggregation(Plan(rounds=2, tasks=(TRAIN, LOCAL)), [A, B], MODEL)
    closed: list[RoundClosed] = []

    for name in [*turns, *[A, A, B, B] * 2]:
        assignment = run.tasks_for(name)
        if isinstance(assignment, Work):
            result = TaskResult(
                collaborator=name,
                round=assignment.round,
                task=assignment.tasks[0].name,
                data_size=1,
                tensors=(),
            )
            closed += only(RoundClosed, run.handle(result))

    assert [event.round for event in closed] == [0, 1]
    assert all(event.reporters == (A, B) for event in closed)
    assert run.tasks_for(A) == run.tasks_for(B) == Quit(round=2)
