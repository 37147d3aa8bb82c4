"""How long a round waits for the slow, where the plan or the operator is in haste."""

from dataclasses import replace

import pytest

from director.core.attendance import Attendance, GoOn, KeepWaiting
from director.core.model import Haste
from tests.director.core.attendances import ALL, DEAD_S, RULES, A, B, C, D, E, begun, judged, seen

# ---------------------------------------------------------------- haste


def hasty(after_s: float, *, share: float = 0, minimum: int = 1) -> Attendance:
    return begun(haste=Haste(after_s=after_s, share=share, minimum=minimum))


ALIVE = seen(*ALL, at=1_000)


def test_a_term_begins_with_the_first_task_and_ends_the_waiting_for_the_slow() -> None:
    attendance = hasty(30, minimum=2)

    assert attendance.note_work(990)
    assert not attendance.note_work(995)
    waits = judged(attendance, 1000, reported=[A, B], roll=ALIVE)
    goes_on = judged(attendance, 1020, reported=[A, B], roll=ALIVE)

    assert waits == KeepWaiting(until=1020)
    assert goes_on == GoOn(without=(C, D, E))


def test_after_its_term_a_round_still_waits_for_the_minimum() -> None:
    attendance = hasty(30, minimum=2)
    attendance.note_work(900)

    verdict = judged(attendance, 1000, reported=[A], roll=ALIVE)

    assert verdict == KeepWaiting(until=1_000 + DEAD_S)
    assert attendance.note_report(B, 2, 1000)
    assert judged(attendance, 1000, reported=[A, B], roll=ALIVE) == GoOn(without=(C, D, E))


@pytest.mark.parametrize(("share", "minimum", "needed"), [(0.6, 1, 3), (0.5, 1, 3), (0.2, 4, 4)])
def test_a_share_and_a_minimum_are_enough_at_once(share: float, minimum: int, needed: int) -> None:
    attendance = hasty(0, share=share, minimum=minimum)

    few = judged(attendance, 1000, reported=ALL[: needed - 1], roll=ALIVE)
    enough = judged(attendance, 1000, reported=ALL[:needed], roll=ALIVE)

    assert isinstance(few, KeepWaiting)
    assert enough == GoOn(without=ALL[needed:])


def test_a_minimum_of_more_than_there_are_means_all() -> None:
    attendance = hasty(30, minimum=9)
    attendance.note_work(0)

    assert isinstance(judged(attendance, 1000, reported=ALL[:4], roll=ALIVE), KeepWaiting)
    assert judged(attendance, 1000, reported=ALL, roll=ALIVE) == GoOn(without=())


def test_a_plan_that_wants_so_many_does_not_do_with_the_quorum_of_the_living() -> None:
    attendance = hasty(0, share=0.8)

    verdict = judged(attendance, DEAD_S, reported=[A, B, C], roll={})

    assert isinstance(verdict, KeepWaiting)
    assert "needs 4 of 5" in verdict.lacking


def test_a_plan_that_does_with_one_after_its_term_is_not_given_up_for_want_of_a_quorum() -> None:
    attendance = hasty(500)
    attendance.note_work(0)

    verdict = judged(attendance, 400, reported=[A], roll={})

    assert verdict == KeepWaiting(until=500)
    assert judged(attendance, 500, reported=[A], roll={}) == GoOn(without=(B, C, D, E))


def test_an_operator_may_set_the_slow_a_term_for_plans_that_set_none() -> None:
    rules = replace(RULES, straggler_cutoff_s=60)
    attendance = begun(rules=rules)
    attendance.note_work(990)

    assert judged(attendance, 1000, reported=[A, B, C], roll=ALIVE) == KeepWaiting(until=1050)
    assert judged(attendance, 1050, reported=[A, B, C], roll=ALIVE) == GoOn(without=(D, E))
    assert judged(attendance, 1049, reported=[A, B], roll=ALIVE) == KeepWaiting(until=1050)


def test_every_round_has_a_term_of_its_own() -> None:
    attendance = hasty(30)
    attendance.note_work(0)

    attendance.begin_round(900)

    assert judged(attendance, 901, roll=ALIVE) == KeepWaiting(until=1000 + DEAD_S)
    assert attendance.note_work(990)
    assert judged(attendance, 1000, reported=[A], roll=ALIVE) == KeepWaiting(until=1020)


# ---------------------------------------------------------------- when to ask


def test_a_report_is_worth_a_verdict_only_where_nobody_is_waited_for_any_more() -> None:
    attendance = begun([A, B, C])
    judged(attendance, 1000, roll=seen(A, B, at=1000))

    assert not attendance.note_report(A, 1, 1001)
    assert attendance.note_report(B, 2, 1002)


def test_without_a_term_the_first_task_is_worth_no_verdict() -> None:
    assert not begun().note_work(1)
