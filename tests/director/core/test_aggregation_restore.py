"""A run that goes on after a restart, from the rounds that had closed."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from director.core.aggregation import Aggregation
from director.core.model import Plan, TensorRequest, Work
from director.core.run_effects import RoundClosed
from director.core.tensors import decode
from tests.director.core.runs import (
    MODEL,
    PLAN,
    A,
    array,
    only,
    plain,
    play_round,
    restored,
    started,
)

FOUR_ROUNDS = Plan(rounds=4, tasks=PLAN.tasks)
SCORES = (0.5, 0.9, 0.1, 0.2)


def played(run: Aggregation, rounds: Sequence[int]) -> list[RoundClosed]:
    return [
        closed
        for number in rounds
        for closed in only(
            RoundClosed,
            play_round(
                run,
                scores=(SCORES[number],) * 2,
                models=({"slope": array(number, 1)}, {"slope": array(-1, 2 * number)}),
                sizes=(1, 2),
            ),
        )
    ]


@pytest.mark.parametrize("crash_after", range(5))
def test_a_restored_run_ends_as_if_nothing_had_happened(crash_after: int) -> None:
    undisturbed, before = started(FOUR_ROUNDS), started(FOUR_ROUNDS)
    played(undisturbed, range(4))

    after = restored(played(before, range(crash_after)), FOUR_ROUNDS)
    played(after, range(crash_after, 4))

    assert plain(after.last) == plain(undisturbed.last)
    assert plain(after.best) == plain(undisturbed.best)
    assert list(after.metrics) == list(undisturbed.metrics)
    assert after.collaborator_views() == undisturbed.collaborator_views()
    assert after.is_over


def test_what_was_reported_in_the_broken_round_is_asked_for_again() -> None:
    run = started(FOUR_ROUNDS)
    closed = played(run, [0])

    after = restored(closed, FOUR_ROUNDS)

    assert after.tasks_for(A) == Work(round=1, tasks=PLAN.tasks)
    assert after.progress == run.progress == 0.25


def test_the_difference_to_the_round_before_survives() -> None:
    run = started(FOUR_ROUNDS)
    request = TensorRequest(name="slope", round=2, tags=("aggregated", "delta"))

    after = restored(played(run, [0, 1]), FOUR_ROUNDS)

    assert decode(after.tensor(A, request)).tolist() == decode(run.tensor(A, request)).tolist()


def test_the_best_model_is_kept_however_long_ago_it_was() -> None:
    # The best round was number 1: it began with what round 0 had made.
    closed = played(started(FOUR_ROUNDS), range(4))

    after = restored(closed, FOUR_ROUNDS)

    assert plain(after.best) == plain(closed[0].model)
    assert plain(after.last) == plain(closed[3].model)


def test_a_server_optimiser_goes_on_with_its_moments() -> None:
    plan = Plan(rounds=4, tasks=PLAN.tasks, aggregations={"fit": "fedadam"})
    undisturbed, before = started(plan), started(plan)
    played(undisturbed, range(4))

    after = restored(played(before, range(2)), plan)
    played(after, range(2, 4))

    assert plain(after.last) == plain(undisturbed.last)
    assert plain(after.last) != plain(MODEL)


@given(st.integers(0, 4))
def test_progress_never_goes_back_over_a_restart(rounds: int) -> None:
    run = started(FOUR_ROUNDS)
    closed = played(run, range(rounds))

    assert restored(closed, FOUR_ROUNDS).progress >= run.progress
