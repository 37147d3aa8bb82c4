"""Whom a round waits for, how long, and when it gives up."""

import pytest
from hypothesis import given, strategies as st

from director.core.attendance import Attendance, GiveUp, GoOn, KeepWaiting, Presence
from director.core.model import EnvoyName, Haste
from director.core.rules import Quorum
from tests.director.core.attendances import ALL, DEAD_S, RULES, A, B, C, D, E, begun, judged, seen

# ---------------------------------------------------------------- the living and the dead


def test_a_round_waits_for_everybody_who_lives() -> None:
    attendance = begun()

    verdict = judged(attendance, 1000, reported=[A, B, C, D], roll=seen(E, at=990))

    assert verdict == KeepWaiting(until=990 + DEAD_S)


def test_a_round_closes_when_everybody_has_reported() -> None:
    assert judged(begun(), 1, reported=ALL) == GoOn(without=())


def test_a_round_goes_on_without_the_dead_once_a_quorum_has_reported() -> None:
    attendance = begun()
    roll = seen(D, E, at=0)

    waits = judged(attendance, DEAD_S - 1, reported=[A, B, C], roll=roll)
    goes_on = judged(attendance, DEAD_S, reported=[A, B, C], roll=roll)

    assert waits == KeepWaiting(until=DEAD_S)
    assert goes_on == GoOn(without=(D, E))


def test_a_living_collaborator_is_waited_for_although_a_quorum_has_reported() -> None:
    verdict = judged(begun(), 100, reported=[A, B, C], roll={**seen(D, at=0), **seen(E, at=99)})

    assert verdict == KeepWaiting(until=99 + DEAD_S)


def test_who_never_came_is_waited_for_from_the_opening_on() -> None:
    attendance = Attendance(RULES, None, ALL, opened_at=500)

    assert judged(attendance, 501, reported=[A, B, C]) == KeepWaiting(until=500 + DEAD_S)
    assert judged(attendance, 500 + DEAD_S, reported=[A, B, C]) == GoOn(without=(D, E))


def test_a_director_that_was_down_counts_from_its_own_opening() -> None:
    attendance = Attendance(RULES, None, ALL, opened_at=500)

    verdict = judged(attendance, 501, reported=[A, B, C], roll=seen(*ALL, at=10))

    assert verdict == KeepWaiting(until=500 + DEAD_S)


def test_while_the_director_itself_was_away_nobody_died() -> None:
    attendance = begun()
    alive = seen(*ALL, at=10)

    attendance.note_absence(until=1_000, lasted_s=980)

    assert attendance.presence(alive, 1_000)[A] is Presence.OFFLINE
    assert judged(attendance, 1_000, reported=(A, B, C), roll=alive) == KeepWaiting(
        until=1_000 + DEAD_S
    )
    assert judged(attendance, 1_000 + DEAD_S, reported=(A, B, C), roll=alive) == GoOn(
        without=(D, E)
    )


def test_the_term_of_the_slow_stands_still_while_the_director_is_away() -> None:
    attendance = begun(haste=Haste(after_s=100, share=0.5))
    attendance.note_work(now=10)

    attendance.note_absence(until=1_000, lasted_s=960)

    assert judged(attendance, 1_069, reported=(A, B, C), roll=seen(*ALL, at=1_060)) == KeepWaiting(
        until=1_070
    )
    assert judged(attendance, 1_070, reported=(A, B, C), roll=seen(*ALL, at=1_060)) == GoOn(
        without=(D, E)
    )


def test_who_calls_its_aggregator_lives_although_it_is_not_registered() -> None:
    attendance = begun()
    attendance.note_call(E, 40)

    verdict = judged(attendance, DEAD_S, reported=[A, B, C, D])

    assert verdict == KeepWaiting(until=40 + DEAD_S)
    assert attendance.presence({}, 41)[E] is Presence.HERE


def test_who_comes_back_is_waited_for_again() -> None:
    attendance = begun()
    judged(attendance, DEAD_S, reported=[A, B], roll=seen(C, at=DEAD_S))

    verdict = judged(attendance, 60, reported=[A, B], roll={**seen(C, at=60), **seen(D, at=59)})

    assert verdict == KeepWaiting(until=59 + DEAD_S)


# ---------------------------------------------------------------- too few


def test_below_the_quorum_a_round_waits_for_somebody_to_come_back_and_then_gives_up() -> None:
    attendance = begun()
    roll = {**seen(A, B, at=200), **seen(C, at=0), **seen(D, at=10), **seen(E, at=20)}
    lost_at = 20 + DEAD_S  # with the third of five, the majority has gone

    waits = judged(attendance, 200, reported=[A, B], roll=roll)
    waits_early = judged(begun(), lost_at, reported=[A, B], roll=roll)
    gives_up = judged(attendance, lost_at + 100, reported=[A, B], roll=roll)

    assert isinstance(waits_early, KeepWaiting)
    assert waits_early.until == lost_at + 100
    assert "3 of 5" in waits_early.lacking
    assert isinstance(waits, GiveUp)
    assert isinstance(gives_up, GiveUp)
    assert gives_up.reason == (
        "below the quorum: a round needs 3 of 5 collaborators, and nothing is heard of c, d, e;"
        " nobody came back in time"
    )


def test_somebody_who_comes_back_in_time_saves_the_run() -> None:
    attendance = begun()
    roll = dict(seen(*ALL, at=0))

    lacks = judged(attendance, DEAD_S + 99, roll=roll)
    saved = judged(attendance, DEAD_S + 100, roll={**roll, **seen(A, B, C, at=DEAD_S + 99)})

    assert isinstance(lacks, KeepWaiting)
    assert lacks.lacking
    assert saved == KeepWaiting(until=2 * DEAD_S + 99)


def test_a_round_that_begins_below_the_quorum_has_its_whole_time() -> None:
    attendance = begun()
    attendance.begin_round(1000)

    verdict = judged(attendance, 1000, roll=seen(A, at=999))

    assert isinstance(verdict, KeepWaiting)
    assert verdict.until == 999 + DEAD_S
    assert isinstance(judged(attendance, 1100, roll=seen(A, at=1099)), GiveUp)


def test_a_run_of_one_is_given_up_without_it() -> None:
    attendance = begun([A])

    assert judged(attendance, 0) == KeepWaiting(until=DEAD_S)
    verdict = judged(attendance, DEAD_S)
    assert isinstance(verdict, KeepWaiting)
    assert verdict.until == DEAD_S + 100
    assert isinstance(judged(attendance, DEAD_S + 100), GiveUp)


def test_of_many_dead_only_some_are_named() -> None:
    crowd = [EnvoyName(f"e{number}") for number in range(20)]

    verdict = judged(begun(crowd), DEAD_S, roll={})

    assert isinstance(verdict, KeepWaiting)
    assert verdict.lacking.endswith("nothing is heard of e0, e1, e10, e11, e12 and 15 more")


# ---------------------------------------------------------------- what is told


def test_presence_is_told_of_everybody() -> None:
    attendance = begun([A, B, C, D])
    attendance.note_call(B, 70)

    presence = attendance.presence({A: 79.0, B: 10.0, C: 45.0}, 80)

    assert presence == {
        A: Presence.HERE,
        B: Presence.HERE,
        C: Presence.OFFLINE,
        D: Presence.DEAD,
    }


# ---------------------------------------------------------------- quorums


@pytest.mark.parametrize(
    ("written", "of_5"),
    [("majority", 3), ("all", 5), (2, 2), ("2", 2), (9, 5), ("60%", 3), ("61%", 4), ("0.1%", 1)],
)
def test_a_quorum_is_a_majority_a_count_or_a_share(written: object, of_5: int) -> None:
    quorum = Quorum.read(written)

    assert quorum.of(5) == of_5
    assert Quorum.read(str(quorum)) == Quorum.read(quorum) == quorum


def test_a_majority_is_more_than_half() -> None:
    assert [Quorum().of(number) for number in (1, 2, 3, 4)] == [1, 2, 2, 3]


@pytest.mark.parametrize("written", ["", "most", 0, -1, 1.0, 0.5, True, "0%", "101%", "x%", "²"])
def test_what_is_no_quorum_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="majority, all, a count"):
        Quorum.read(written)


# ---------------------------------------------------------------- whatever happens


@given(
    heard=st.lists(st.floats(0, 300), min_size=5, max_size=5),
    reported=st.sets(st.sampled_from(ALL)),
    now=st.floats(0, 1_000),
)
def test_whatever_happens_the_next_look_is_later_and_a_quorum_has_reported(
    heard: list[float], reported: set[EnvoyName], now: float
) -> None:
    attendance = begun()

    verdict = attendance.judge(reported, dict(zip(ALL, heard, strict=True)), now)

    match verdict:
        case KeepWaiting(until=until):
            assert until is not None
            assert until > now
        case GoOn(without=without):
            assert len(reported) >= 3
            assert set(without) == set(ALL) - reported
        case GiveUp():
            assert sum(at + DEAD_S <= now for at in heard) >= 3
