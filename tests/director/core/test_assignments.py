"""Who does which tasks, and what comes of rounds in which not all do the same."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from director.core.aggregation import Aggregation
from director.core.assignments import assignments, check_groups
from director.core.model import EnvoyName, Idle, Plan, TaskGroup, Work
from director.core.run_effects import ResultDisregarded, RoundClosed
from director.errors import InvalidUploadError
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
    trained,
    validated,
)

NAMED = Plan(
    rounds=2,
    tasks=(TRAIN, GLOBAL),
    groups=(
        TaskGroup(tasks=(TRAIN.name,), collaborators=(A,)),
        TaskGroup(tasks=(GLOBAL.name,), collaborators=(B,)),
    ),
)


def shared(*shares: float) -> Plan:
    """Groups of so many collaborators, each with a task more than the one before."""
    groups = tuple(
        TaskGroup(tasks=tuple(task.name for task in PLAN.tasks[: number + 1]), share=share)
        for number, share in enumerate(shares)
    )
    return Plan(rounds=9, tasks=PLAN.tasks, groups=groups)


def crowd(size: int) -> list[EnvoyName]:
    return [EnvoyName(f"e{number}") for number in range(size)]


def test_without_groups_everybody_does_everything() -> None:
    assert assignments(PLAN, [A, B], 0) == {A: PLAN.tasks, B: PLAN.tasks}


def test_named_collaborators_do_the_tasks_of_their_group_in_every_round() -> None:
    for round_number in range(3):
        assert assignments(NAMED, [A, B], round_number) == {A: (TRAIN,), B: (GLOBAL,)}


@given(
    size=st.integers(1, 40),
    cut=st.floats(0, 1),
    round_number=st.integers(0, 100),
)
def test_everybody_is_dealt_to_one_group_and_shares_are_kept(
    size: int, cut: float, round_number: int
) -> None:
    dealt = assignments(shared(cut, 1 - cut), crowd(size), round_number)

    assert list(dealt) == crowd(size)
    assert sum(len(tasks) == 1 for tasks in dealt.values()) == round(cut * size)


def test_who_does_what_is_drawn_anew_in_every_round_and_alike_whenever_it_is_drawn() -> None:
    plan = shared(0.5, 0.5)

    drawn = [assignments(plan, crowd(8), number) for number in range(9)]

    assert drawn == [assignments(plan, crowd(8), number) for number in range(9)]
    assert any(one != other for one, other in pairwise(drawn))


@pytest.mark.parametrize("collaborators", [[A], [A, B, EnvoyName("c")], [A, EnvoyName("c")]])
def test_groups_name_exactly_the_collaborators_of_the_experiment(
    collaborators: list[EnvoyName],
) -> None:
    check_groups(NAMED, [B, A])
    check_groups(shared(1.0), collaborators)

    with pytest.raises(InvalidUploadError, match="task groups"):
        check_groups(NAMED, collaborators)


def test_a_round_closes_when_everybody_has_done_what_is_its_own() -> None:
    run = Aggregation(NAMED, [A, B], MODEL)
    better = {"slope": array(3.0, 4.0), "bias": array(1.0)}

    assert run.tasks_for(A) == Work(round=0, tasks=(TRAIN,))
    assert run.tasks_for(B) == Work(round=0, tasks=(GLOBAL,))
    run.handle(trained(A, better))
    assert run.tasks_for(A) == Idle(round=0)
    effects = run.handle(validated(B, 0.5))

    (closed,) = only(RoundClosed, effects)
    assert plain(closed.model) == plain(better)
    assert closed.reporters == (A, B)
    assert closed.is_best


def test_what_is_anothers_task_does_not_count() -> None:
    run = Aggregation(NAMED, [A, B], MODEL)

    effects = run.handle(validated(A, 0.5))

    (disregarded,) = only(ResultDisregarded, effects)
    assert disregarded.reason == "the task is not its sender's in this round"
    assert LOCAL.name not in [task.name for task in NAMED.tasks]


def test_views_tell_everybody_its_own_tasks() -> None:
    run = Aggregation(NAMED, [A, B], MODEL)
    run.tasks_for(A)
    run.handle(validated(B, 0.5))

    first, second = run.collaborator_views()

    assert (first.current_task, first.next_task) == (TRAIN.name, TRAIN.name)
    assert (second.current_task, second.next_task) == ("", GLOBAL.name)
