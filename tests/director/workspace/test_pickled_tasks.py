"""Pickles that are whole, but not what OpenFL's interactive API writes."""

import pickle
from collections import OrderedDict, defaultdict

import pytest

from director.errors import InvalidArchiveError, UnsupportedPlanError
from director.workspace.inert_pickle import Call, Description, Pairs, Symbol, describe
from director.workspace.pickled_tasks import pickled_aggregations, pickled_tasks

OPENFL = "openfl.interface.aggregation_functions"
AVERAGE = Symbol(f"{OPENFL}.weighted_average", "WeightedAverage")
TABLE = Symbol("collections", "defaultdict")
TASK = Symbol("openfl.component.assigner.tasks", "TrainTask")


def table(default: object, **functions: object) -> Description:
    made = Call(TABLE, (default,), entries=Pairs(list(functions.items())))
    return Description(result=made, calls=(made,))


def assigner(name: object, *tasks: Call) -> Description:
    function = Call(Symbol("cloudpickle.cloudpickle", "_make_function"), ())
    filling = Call(
        Symbol("cloudpickle.cloudpickle", "_function_setstate"),
        (function, (Pairs(), Pairs([("__qualname__", name)]))),
    )
    return Description(result=function, calls=(function, *tasks, filling))


def task(**attributes: object) -> Call:
    return Call(TASK, (), states=[(None, Pairs(list(attributes.items())))])


def test_functions_without_an_aggregation_of_their_own_are_averaged() -> None:
    instance = Call(Symbol(f"{OPENFL}.median", "Median"), ())

    assert pickled_aggregations(table(AVERAGE)) == {}
    assert pickled_aggregations(table(AVERAGE, fit=instance)) == {"fit": f"{OPENFL}.median.Median"}


def test_a_class_that_was_pickled_whole_is_known_by_its_name() -> None:
    skeleton = Call(Symbol("cloudpickle", "_make_skeleton_class"), ("type", "Own", (), {}))

    assert pickled_aggregations(table(AVERAGE, fit=Call(skeleton, ()))) == {"fit": "Own"}


def test_what_is_no_class_at_all_has_no_name() -> None:
    assert pickled_aggregations(table(AVERAGE, fit=7)) == {"fit": "?"}


def nested(depth: int) -> Call:
    """The call of what a call returns, which a call has returned, and so on."""
    called = Call(AVERAGE, ())
    for _ in range(depth):
        called = Call(called, ())
    return called


def test_however_deep_calls_are_nested_they_end_in_a_name() -> None:
    deep = nested(100_000)

    assert pickled_aggregations(table(AVERAGE, fit=deep)) == {"fit": str(AVERAGE)}
    with pytest.raises(UnsupportedPlanError, match="assigner of its own"):
        pickled_tasks(Description(result=deep, calls=()))


def test_a_pickle_that_nests_calls_is_refused_like_any_other() -> None:
    pickled = b"cbuiltins\nlen\n" + b")R" * 40_000 + b"."

    with pytest.raises(UnsupportedPlanError, match=r"'builtins\.len'"):
        pickled_tasks(describe(pickled, max_steps=100_000))


@pytest.mark.parametrize("default", [int, None])
def test_another_default_than_the_average_is_refused(default: type | None) -> None:
    pickled = pickle.dumps(defaultdict(default))

    with pytest.raises((UnsupportedPlanError, InvalidArchiveError), match="aggregation function"):
        pickled_aggregations(describe(pickled, max_steps=100))


@pytest.mark.parametrize("value", [{}, [], None, OrderedDict()])
def test_what_is_no_table_of_aggregations_is_refused(value: object) -> None:
    with pytest.raises(InvalidArchiveError, match="no table"):
        pickled_aggregations(describe(pickle.dumps(value), max_steps=100))


@pytest.mark.parametrize(
    ("value", "name"),
    [(len, "builtins.len"), (None, r"\?"), (OrderedDict(), "collections.OrderedDict")],
)
def test_what_is_not_openfls_own_assigner_is_refused_by_name(value: object, name: str) -> None:
    with pytest.raises(UnsupportedPlanError, match=f"'{name}'"):
        pickled_tasks(describe(pickle.dumps(value), max_steps=100))


def test_an_assigner_whose_name_is_no_text_is_refused() -> None:
    with pytest.raises(UnsupportedPlanError, match=r"'\?'"):
        pickled_tasks(assigner(7))


@pytest.mark.parametrize(
    "tasks",
    [
        pytest.param((), id="none"),
        pytest.param((task(name="train"),), id="half a task"),
        pytest.param(
            (task(name="train", function_name="f", task_type="train", apply_local=False),),
            id="nothing to validate",
        ),
    ],
)
def test_openfls_assigner_without_its_tasks_is_refused(tasks: tuple[Call, ...]) -> None:
    with pytest.raises(InvalidArchiveError, match="no tasks"):
        pickled_tasks(assigner("FLExperiment.define_task_assigner.<locals>.assigner", *tasks))
