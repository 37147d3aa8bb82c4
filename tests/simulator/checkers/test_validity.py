"""What makes a run conclusive: histories that do, and histories that do not."""

import pytest

from simulator.checkers.base import Judgement, Validity
from simulator.checkers.expect import VALIDITY_CHECKS, Coverage
from simulator.checkers.validity import (
    VALIDITY,
    CalmHealthy,
    FaultsFired,
    HarnessAwake,
    PlannedFault,
    Reached,
    Traffic,
    rpcs_touched,
    validity_checkers,
)
from simulator.history.entry import JsonObject, Kind
from tests.simulator.report.tale import Tale


def a_tale() -> Tale:
    tale = Tale()
    tale.actor("alice", "frontend", 0)
    tale.envoy("a")
    return tale


def messages(judgement: Judgement) -> list[str]:
    assert all(finding.validity is Validity.UNKNOWN for finding in judgement.findings)
    return [finding.message for finding in judgement.findings]


DROP = PlannedFault(fault="drop", type="heartbeat.drop")


def test_a_fault_that_fired_and_touched_a_call_is_well() -> None:
    tale = a_tale()
    tale.fault("drop", 70, 80, touched=[tale.beat("a", 75)], targets=["a"])

    judgement = FaultsFired(planned=(DROP,)).check(tale.history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


def test_a_fault_that_never_fired_makes_the_run_inconclusive() -> None:
    judgement = FaultsFired(planned=(DROP,)).check(a_tale().history())

    assert messages(judgement) == ["drop never fired"]


def test_a_fault_that_killed_somebody_is_well_although_the_dead_make_no_calls() -> None:
    tale = a_tale()
    tale.fault("drop", 73, 73.5, targets=["a"])
    touch: JsonObject = {"fault": "drop", "type": "envoy.kill", "mode": "kill"}
    tale.note(73, "fault.touch", touch, actor="a")

    assert FaultsFired(planned=(DROP,)).check(tale.history()).validity is Validity.VALID


def test_a_fault_that_touched_nothing_makes_the_run_inconclusive() -> None:
    tale = a_tale()
    tale.fault("drop", 73, 73.5, targets=["a"])

    judgement = FaultsFired(planned=(DROP,)).check(tale.history())

    assert messages(judgement) == ["drop fired at 73.0 s, but touched no RPC"]


def test_faults_of_actors_links_and_directors_touch_the_calls_that_they_met() -> None:
    tale = a_tale()
    tale.wait("a", 70, 20)
    tale.fault("kill", 75, 75, kind="envoy.kill", targets=["a"])
    tale.fault("restart", 85, 86, kind="director.restart")

    assert rpcs_touched(tale.history()) == {"kill": 1, "restart": 1}


def test_a_scenario_may_let_faults_go_unfired() -> None:
    names = [c.guarantee for c in validity_checkers(Coverage(every_fault_fires=False), [DROP])]

    assert "faults-fired" not in names


def test_the_catalogue_holds_every_check_in_its_order() -> None:
    assert tuple(checker.guarantee for checker in VALIDITY) == VALIDITY_CHECKS


def test_too_little_traffic_makes_the_run_inconclusive() -> None:
    history = a_tale().history()
    made = len(history.all_calls)

    assert Traffic(min_rpcs=made).check(history).validity is Validity.VALID
    assert messages(Traffic(min_rpcs=made + 1).check(history)) == [
        f"only {made} RPCs were made, the scenario wants {made + 1}"
    ]


def test_a_federation_without_anybody_in_it_proves_nothing() -> None:
    tale = Tale()
    tale.call("GetEnvoys", "observer", 1, response={"envoys": []})

    assert messages(Traffic().check(tale.history())) == [
        "nobody called the Director: the scenario needs envoys and frontends"
    ]


def test_events_that_the_scenario_names_must_have_happened() -> None:
    judgement = Reached(events=("envoy.registered", "round.started")).check(a_tale().history())

    assert messages(judgement) == ["round.started never happened"]


def test_a_run_that_never_came_to_its_recovery_is_inconclusive() -> None:
    tale = Tale(phases=[("calm", 0, 60), ("storm", 60, 80)])

    assert messages(Reached().check(tale.history())) == [
        "the run came no further than storm: there was no recovery"
    ]


@pytest.mark.parametrize(("lag_s", "validity"), [(0.1, "valid"), (1.5, "unknown")])
def test_a_starved_harness_makes_the_run_inconclusive(lag_s: float, validity: str) -> None:
    tale = a_tale()
    tale.note(300, "harness.lag", {"max_s": lag_s})

    assert HarnessAwake().check(tale.history()).validity == validity


def test_a_run_on_virtual_time_cannot_be_starved() -> None:
    assert HarnessAwake().check(a_tale().history()).occasions == 0


# ---------------------------------------------------------------- the calm


def test_a_calm_in_which_envoys_register_and_calls_are_answered_is_healthy() -> None:
    judgement = CalmHealthy().check(a_tale().history())

    assert (judgement.validity, judgement.occasions) == (Validity.VALID, 1)


def test_a_calm_in_which_hardly_anything_is_answered_is_not_healthy() -> None:
    tale = a_tale()
    for second in range(2, 50):
        tale.beat("a", second, code="UNAVAILABLE")

    assert "calls in the calm only" in messages(CalmHealthy().check(tale.history()))[0]


def test_a_calm_in_which_an_envoy_fails_to_register_or_dies_is_not_healthy() -> None:
    tale = a_tale()
    tale.actor("b", "envoy", 1)
    tale.call("UpdateShardInfo", "b", 1, kind=Kind.INFO, response={"code": "UNKNOWN"})
    tale.note(50, "envoy.dead", {"why": "it raised"}, actor="a")

    assert messages(CalmHealthy().check(tale.history())) == [
        "b started at 1.0 s and had registered in vain by 60.0 s, and ever after",
        "a died at 50.0 s, before anything went wrong",
    ]


def test_whom_the_weather_alone_keeps_from_registering_is_no_sign_of_ill_health() -> None:
    for eaten, healthy in ((2, True), (1, False)):
        tale = a_tale()
        tale.actor("b", "envoy", 1)
        tries = [
            tale.call("UpdateShardInfo", "b", at, kind=Kind.INFO, response={"code": "UNAVAILABLE"})
            for at in (1, 9)
        ]
        for call in tries[:eaten]:
            about: JsonObject = {"fault": "weather", "type": "weather", "mode": "loss"}
            tale.note(9, "fault.touch", {**about, "method": "", "direction": "request"}, call=call)

        assert (messages(CalmHealthy().check(tale.history())) == []) is healthy


def test_who_starts_as_the_calm_ends_may_still_be_on_its_way() -> None:
    tale = a_tale()
    tale.actor("b", "envoy", 55)

    assert CalmHealthy().check(tale.history()).validity is Validity.VALID


def test_a_run_that_begins_with_a_fault_has_no_calm_to_judge() -> None:
    tale = a_tale()
    tale.fault("drop", 0, 100)

    assert CalmHealthy().check(tale.history()).occasions == 0
