"""Answers, deliveries and speed: histories that pass, fail, and are not to be judged."""

import pytest

from simulator.checkers.base import Judgement, Validity
from simulator.checkers.liveness_calls import Answered, Delivery, Throughput
from simulator.history.entry import Kind
from tests.simulator.report.tale import Tale


def a_tale() -> Tale:
    tale = Tale()
    tale.actor("alice", "frontend", 0)
    tale.envoy("a")
    return tale


def only_message(judgement: Judgement) -> str:
    (finding,) = judgement.findings
    return finding.message


# ---------------------------------------------------------------- answered


def test_answers_within_the_deadline_are_well_whatever_they_say() -> None:
    tale = a_tale()
    tale.beat("a", 100, code="NOT_FOUND")
    tale.beat("a", 101, code="UNAVAILABLE")

    judgement = Answered().check(tale.history())

    assert judgement.validity is Validity.VALID
    assert judgement.occasions > 2


@pytest.mark.parametrize("took_s", [None, 12])
def test_a_question_without_an_answer_in_time_is_told(took_s: float | None) -> None:
    tale = a_tale()
    call = tale.call("GetEnvoys", "alice", 100, took_s=took_s)

    judgement = Answered().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "GetEnvoys of alice at 100.0 s had no answer within 10 s" in only_message(judgement)
    assert judgement.findings[0].evidence == tale.history().call(call).evidence


def test_a_clients_own_deadline_counts_too() -> None:
    tale = a_tale()
    error = {"code": "DEADLINE_EXCEEDED", "details": ""}
    tale.call("GetEnvoys", "alice", 100, took_s=5, kind=Kind.INFO, response=error)

    assert Answered().check(tale.history()).validity is Validity.INVALID


def test_what_was_disturbed_paused_or_cut_off_by_the_end_is_not_judged() -> None:
    tale = a_tale()
    before = Answered().check(tale.history()).occasions

    touched = tale.call("GetEnvoys", "alice", 70, took_s=None)
    tale.fault("drop", 70, 71, touched=[touched], targets=["nobody"])
    tale.fault("hole", 100, 150, kind="link.blackhole", targets=["alice"])
    tale.call("GetEnvoys", "alice", 95, took_s=None)
    tale.note(200, "director.kill", {})
    tale.note(205, "director.start", {})
    tale.call("GetEnvoys", "alice", 199, took_s=None)
    tale.call("GetEnvoys", "alice", 295, took_s=None)
    tale.note(160, "actor.pause", {}, actor="alice")
    tale.note(190, "actor.resume", {}, actor="alice")
    tale.call("GetEnvoys", "alice", 159, took_s=None)

    judgement = Answered().check(tale.history())

    assert judgement.validity is Validity.VALID
    assert judgement.occasions <= before


def test_the_long_poll_and_streams_have_no_deadline() -> None:
    tale = a_tale()
    tale.wait("a", 10, 60)
    tale.follow("e1", 10, None)

    assert Answered().check(tale.history()).validity is Validity.VALID


# ---------------------------------------------------------------- delivery


def test_a_waiting_collaborator_that_is_told_at_once_is_well() -> None:
    tale = a_tale()
    tale.wait("a", 15, 5.03, brought="e1")
    tale.submit("e1", ["a"], 20)

    judgement = Delivery().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


def test_a_waiting_collaborator_that_is_told_ten_seconds_later_is_told_late() -> None:
    tale = a_tale()
    tale.wait("a", 15, 15, brought="e1")
    tale.submit("e1", ["a"], 20)

    judgement = Delivery().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "e1 reached it 10.0 s after its acceptance" in only_message(judgement)
    assert Delivery(within_s=12).check(tale.history()).validity is Validity.VALID


@pytest.mark.parametrize(
    ("took_s", "outcome"), [(10, "was answered empty-handed"), (None, "was never answered")]
)
def test_a_waiting_collaborator_that_is_not_told_is_forgotten(
    took_s: float | None, outcome: str
) -> None:
    tale = a_tale()
    tale.wait("a", 15, took_s)
    tale.submit("e1", ["a"], 20)

    judgement = Delivery().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert outcome in only_message(judgement)


@pytest.mark.parametrize(
    ("at", "took_s", "brought", "code"),
    [
        (15, 5.1, "", ""),  # the empty answer may have left before
        (19.99, 9, "", ""),  # it had perhaps not arrived
        (15, 6, "e0", ""),  # it got other work
        (15, 6, "", "UNAVAILABLE"),  # its connection broke
    ],
)
def test_a_poll_that_may_have_missed_the_acceptance_is_not_judged(
    at: float, took_s: float, brought: str, code: str
) -> None:
    tale = a_tale()
    tale.wait("a", at, took_s, brought=brought, code=code)
    tale.submit("e1", ["a"], 20)

    assert Delivery().check(tale.history()).occasions == 0


def test_a_delivery_that_faults_reviews_or_removals_hold_up_is_not_judged() -> None:
    tale = a_tale()
    tale.wait("a", 15, 15)
    tale.submit("reviewed", ["a"], 20)
    tale.status("reviewed", 22, "pending")
    tale.submit("removed", ["a"], 20)
    tale.remove("removed", 20.2)
    tale.fault("hole", 99, 140, kind="link.blackhole", targets=["a"])
    tale.wait("a", 95, 50)
    tale.submit("held", ["a"], 100)

    assert Delivery().check(tale.history()).occasions == 0


def test_who_was_stranded_gets_its_work_over_its_new_connection() -> None:
    tale = a_tale()
    tale.wait("a", 10, 5, code="UNAVAILABLE")
    tale.fault("stale", 15, 40, kind="link.strand", targets=["a"])
    tale.wait("a", 16, 10)
    tale.submit("e1", ["a"], 20)

    judgement = Delivery().check(tale.history())

    assert "was answered empty-handed" in only_message(judgement)


def test_without_review_or_limit_nothing_excuses_a_pending_experiment() -> None:
    tale = Tale(may_queue=False)
    tale.actor("alice", "frontend", 0)
    tale.envoy("a")
    tale.wait("a", 15, 15)
    tale.submit("e1", ["a"], 20)
    tale.status("e1", 22, "pending")

    judgement = Delivery().check(tale.history())

    assert "was answered empty-handed" in only_message(judgement)


# ---------------------------------------------------------------- throughput


def a_busy_tale(*, late_s: float = 0.04, until: float = 300) -> Tale:
    tale = Tale(period_s=2)
    for envoy in ("a", "b", "c"):
        tale.envoy(envoy, until=180)
        for beat in range(180, int(until), 2):
            tale.beat(envoy, beat + 0.5, took_s=late_s)
    return tale


def test_as_fast_and_as_often_as_before_is_well() -> None:
    judgement = Throughput().check(a_busy_tale().history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 2)


def test_answers_that_stay_slow_are_told() -> None:
    judgement = Throughput().check(a_busy_tale(late_s=0.5).history())

    assert judgement.validity is Validity.INVALID
    assert "was 40 ms in the calm and is 500 ms" in only_message(judgement)


def test_heartbeats_that_stay_rare_are_told() -> None:
    judgement = Throughput().check(a_busy_tale(until=242).history())

    assert judgement.validity is Validity.INVALID
    assert "heartbeats were answered" in only_message(judgement)


def test_a_handful_of_calls_is_too_few_to_compare() -> None:
    assert Throughput().check(a_tale().history()).occasions == 0
