"""Envoys online, coming back, and not storming: histories that pass, fail, and cannot tell."""

import pytest

from simulator.checkers.base import Judgement, Validity
from simulator.checkers.liveness_presence import AllOnline, Comeback
from simulator.checkers.liveness_storm import NoStorm
from tests.simulator.report.tale import Tale


def a_tale() -> Tale:
    tale = Tale()
    tale.actor("alice", "frontend", 0)
    tale.envoy("a")
    return tale


def only_message(judgement: Judgement) -> str:
    (finding,) = judgement.findings
    return finding.message


# ---------------------------------------------------------------- all-online


def test_everybody_listed_online_in_the_recovery_is_well() -> None:
    tale = a_tale()
    tale.listing(190, online=["a"])
    tale.listing(290, online=["a"])

    judgement = AllOnline().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


def test_an_envoy_that_stays_offline_is_told_with_its_last_sign_of_life() -> None:
    tale = Tale()
    tale.actor("alice", "frontend", 0)
    tale.envoy("a", until=None)
    tale.beat("a", 150, code="UNAVAILABLE")
    last = tale.listing(290, online=[], offline=["a"])

    judgement = AllOnline().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "a was not online" in only_message(judgement)
    assert "UpdateEnvoyStatus, answered UNAVAILABLE at 150.0 s" in only_message(judgement)
    assert judgement.findings[0].evidence == tale.history().call(last).evidence


def test_coming_online_later_than_the_scenario_allows_is_late() -> None:
    tale = a_tale()
    tale.listing(210, online=[], offline=["a"])
    tale.listing(220, online=["a"])

    judgement = AllOnline(within_s=25).check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "came online only at 220.0 s, due at 205.0 s" in only_message(judgement)
    assert AllOnline(within_s=35).check(tale.history()).validity is Validity.VALID


@pytest.mark.parametrize("looked_at", [None, 200])
def test_whether_all_are_online_is_unknown_where_nobody_looks_in_time(
    looked_at: float | None,
) -> None:
    tale = a_tale()
    if looked_at is not None:
        tale.listing(looked_at, online=[], offline=["a"])

    judgement = AllOnline().check(tale.history())

    assert judgement.validity is Validity.UNKNOWN
    assert "nobody" in only_message(judgement)


def test_who_was_killed_or_turned_away_need_not_be_online() -> None:
    tale = Tale()
    tale.actor("alice", "frontend", 0)
    tale.envoy("killed", until=100)
    tale.note(100, "actor.kill", {}, actor="killed")
    tale.actor("misfit", "envoy", 1)
    tale.register("misfit", 1, accepted=False)
    tale.listing(290, online=[], offline=["killed"])

    assert AllOnline().check(tale.history()).occasions == 0


def test_an_envoy_has_its_time_from_its_own_return_on() -> None:
    tale = a_tale()
    tale.note(100, "actor.pause", {}, actor="a")
    tale.note(250, "actor.resume", {}, actor="a")
    tale.listing(260, online=[], offline=["a"])
    tale.listing(289, online=["a"])

    assert AllOnline().check(tale.history()).validity is Validity.VALID


def test_without_a_recovery_nobody_is_asked_to_have_recovered() -> None:
    tale = Tale(phases=[("calm", 0, 60)])
    tale.envoy("a")

    assert AllOnline().check(tale.history()).occasions == 0


# ---------------------------------------------------------------- comeback


def a_restart(*, beats_again: float | None, ends: float = 300) -> Tale:
    tale = Tale(phases=[("calm", 0, 60), ("storm", 60, 110), ("recover", 110, ends)])
    tale.envoy("a", until=95)
    tale.note(100, "director.kill", {})
    tale.beat("a", 102, code="UNAVAILABLE")
    tale.note(108, "director.start", {})
    if beats_again is not None:
        tale.beats("a", beats_again, ends)
    return tale


def test_envoys_that_call_again_after_a_restart_have_come_back() -> None:
    judgement = Comeback().check(a_restart(beats_again=112).history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


@pytest.mark.parametrize("beats_again", [None, 180])
def test_an_envoy_that_does_not_come_back_in_time_is_told(beats_again: float | None) -> None:
    judgement = Comeback().check(a_restart(beats_again=beats_again).history())

    assert judgement.validity is Validity.INVALID
    assert "a did not come back within 40 s" in only_message(judgement)


def test_a_comeback_is_unknown_where_the_run_is_over_too_soon() -> None:
    judgement = Comeback().check(a_restart(beats_again=None, ends=130).history())

    assert judgement.validity is Validity.UNKNOWN
    assert "answered UNAVAILABLE" in only_message(judgement)


@pytest.mark.parametrize(("moves_at", "validity"), [(120, Validity.VALID), (90, Validity.INVALID)])
def test_what_was_running_goes_on_after_a_restart(moves_at: float, validity: Validity) -> None:
    tale = a_restart(beats_again=112)
    tale.actor("alice", "frontend", 0)
    tale.submit("e1", ["a"], 80)
    tale.result("a", "e1", moves_at)
    tale.status("e1", 290, "in_progress")

    judgement = Comeback().check(tale.history())

    assert (judgement.validity, judgement.occasions) == (validity, 2)


def test_a_director_that_was_never_down_has_nothing_to_come_back_from() -> None:
    assert Comeback().check(a_tale().history()).occasions == 0


# ---------------------------------------------------------------- no-storm


def test_a_heartbeat_a_period_is_no_storm() -> None:
    judgement = NoStorm().check(a_tale().history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


def test_three_heartbeats_a_period_are_a_storm() -> None:
    tale = a_tale()
    tale.beats("a", 200, 290, every=5)

    judgement = NoStorm().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "a sent 11 heartbeats within 50 s" in only_message(judgement)


def test_registering_again_may_begin_another_rhythm() -> None:
    tale = a_tale()
    tale.register("a", 200)
    tale.beats("a", 201, 211, every=2)

    assert NoStorm().check(tale.history()).validity is Validity.VALID


def test_a_loop_of_downloads_of_the_same_archive_is_a_storm() -> None:
    tale = a_tale()
    for turn in range(30):
        tale.wait("a", 70 + turn / 10, 0.02, brought="e1")

    judgement = NoStorm().check(tale.history())

    assert judgement.validity is Validity.INVALID
    assert "a called WaitExperiment 21 times within 5 s" in only_message(judgement)


def test_many_experiments_one_after_the_other_are_work_not_a_storm() -> None:
    tale = a_tale()
    for turn in range(30):
        tale.wait("a", 70 + turn / 10, 0.02, brought=f"e{turn}")

    assert NoStorm().check(tale.history()).validity is Validity.VALID


def test_a_recovery_of_two_periods_is_too_short_to_count_heartbeats_in() -> None:
    tale = Tale(phases=[("calm", 0, 60), ("recover", 60, 80)])
    tale.envoy("a", until=80)

    assert NoStorm().check(tale.history()).occasions == 0
