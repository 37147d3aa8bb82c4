"""The verdict: in which order, what follows from what, and what is waived."""

import pytest

from simulator.checkers.base import Checker, Docket, PromiseKind, Validity
from simulator.checkers.expect import Coverage, Expect, Waiver
from simulator.checkers.judge import CAUSES, Section, Verdict, judge
from simulator.checkers.validity import PlannedFault
from simulator.history.entry import JsonObject
from simulator.history.history import History
from tests.simulator.report.tale import Tale

WORSE = [Validity.VALID, Validity.UNKNOWN, Validity.INVALID].index


class NamesHold(Checker):
    """A promise of safety that a history of this file breaks by a note of that topic."""

    guarantee = "names"
    promise = "A name in use is never replaced."
    kind = PromiseKind.SAFETY

    def examine(self, history: History, docket: Docket) -> None:
        docket.occasion()
        for note in history.notes("name.taken"):
            docket.broken("a name was taken over", note)


class AliveRaises(Checker):
    """A checker with a bug."""

    guarantee = "alive"
    promise = "The server lives."
    kind = PromiseKind.SAFETY

    def examine(self, history: History, docket: Docket) -> None:
        raise LookupError(f"no {docket.guarantee} in {history.header.scenario}")


def a_tale(*, ends: bool = True, delivered: bool = True) -> Tale:
    tale = Tale()
    tale.actor("alice", "frontend", 0)
    tale.envoy("a")
    tale.wait("a", 15, 5.1 if delivered else None, brought="e1" if delivered else "")
    tale.submit("e1", ["a"], 20)
    tale.listing(290, online=["a"])
    tale.status("e1", 290, "finished" if ends else "in_progress")
    return tale


def judged(tale: Tale, expect: Expect | None = None) -> Verdict:
    return judge(tale.history(), expect or Expect(), safety=[NamesHold()])


def test_a_run_in_which_everything_holds_is_valid() -> None:
    verdict = judged(a_tale())

    assert verdict.validity is Validity.VALID
    assert verdict.first is None
    assert verdict.result("experiments-end").judgement.occasions == 1
    assert not verdict.result("comeback").was_exercised


def test_results_come_in_the_order_of_judging() -> None:
    expect = Expect.model_validate(
        {"outcomes": {"e1": "finished"}, "slo": ["rpc.GetEnvoys.count > 0"]}
    )

    verdict = judged(a_tale(), expect)

    sections = [result.section for result in verdict.results]
    assert sections == sorted(sections, key=list(Section).index)
    assert [result.name for result in verdict.of(Section.SAFETY)] == ["names"]
    assert verdict.results[-1].measured == "1"


def test_what_decides_is_told_first_and_its_consequences_are_folded() -> None:
    expect = Expect.model_validate({"outcomes": {"e1": "finished"}})

    verdict = judged(a_tale(ends=False, delivered=False), expect)

    assert verdict.validity is Validity.INVALID
    assert verdict.result("delivery").follows is None
    assert verdict.result("experiments-end").follows == "delivery"
    assert verdict.result("outcomes[e1]").follows == "experiments-end"
    assert verdict.first is verdict.result("delivery")


def test_safety_is_told_before_liveness() -> None:
    tale = a_tale(ends=False)
    tale.note(100, "name.taken", {})

    verdict = judged(tale)

    assert verdict.first is not None
    assert verdict.first.name == "names"
    assert verdict.result("experiments-end").validity is Validity.INVALID


def test_a_waived_promise_is_shown_and_does_not_count() -> None:
    waiver = Waiver(guarantee="experiments-end", why="it hangs on purpose")

    verdict = judged(a_tale(ends=False), Expect(waive=(waiver,)))

    assert verdict.validity is Validity.VALID
    assert verdict.result("experiments-end").waived == "it hangs on purpose"
    assert verdict.result("experiments-end").validity is Validity.INVALID


def test_a_waived_promise_explains_no_other() -> None:
    waiver = Waiver(guarantee="delivery", why="the network is slow on purpose")

    verdict = judged(a_tale(ends=False, delivered=False), Expect(waive=(waiver,)))

    assert verdict.first is verdict.result("experiments-end")


def test_promises_that_were_not_asked_for_are_not_judged() -> None:
    verdict = judged(a_tale(ends=False), Expect(guarantees=("names",)))

    assert verdict.validity is Validity.VALID
    with pytest.raises(KeyError):
        verdict.result("experiments-end")


def test_missed_coverage_makes_the_run_inconclusive() -> None:
    verdict = judged(a_tale(), Expect(coverage=Coverage(min_rpcs=10_000)))

    assert verdict.validity is Validity.UNKNOWN
    assert verdict.first is verdict.result("traffic")


def test_a_broken_promise_outweighs_missed_coverage() -> None:
    verdict = judged(a_tale(ends=False), Expect(coverage=Coverage(min_rpcs=10_000)))

    assert verdict.validity is Validity.INVALID
    assert verdict.first is verdict.result("experiments-end")


def test_a_planned_fault_that_never_fired_makes_the_run_inconclusive() -> None:
    planned = [PlannedFault(fault="drop", type="heartbeat.drop")]

    verdict = judge(a_tale().history(), Expect(), safety=[], planned=planned)

    assert verdict.validity is Validity.UNKNOWN
    assert verdict.result("faults-fired").worst is not None


def test_a_checker_that_raises_leaves_its_promise_unknown_and_the_others_judged() -> None:
    verdict = judge(a_tale().history(), Expect(), safety=[AliveRaises(), NamesHold()])

    assert verdict.validity is Validity.UNKNOWN
    assert str(verdict.result("alive").error).startswith(
        "its checker raised LookupError: no alive in tale (test_judge.py:"
    )
    assert verdict.result("names").validity is Validity.VALID


def test_a_record_that_is_damaged_is_unknown_not_valid() -> None:
    tale = a_tale()
    tale.note(100, "experiment.ended", {"experiment": 17}, actor="alice")

    verdict = judged(tale, Expect.model_validate({"outcomes": {"e1": "finished"}}))

    assert verdict.validity is Validity.UNKNOWN
    assert "RecordError" in str(verdict.result("experiments-end").error)


def test_the_scenario_says_how_soon_all_must_be_online() -> None:
    tale = a_tale()
    tale.listing(210, online=[], offline=["a"])

    strict = judged(tale, Expect.model_validate({"recover": {"all_online_within": "20s"}}))

    assert judged(tale).validity is Validity.VALID
    assert strict.first is strict.result("all-online")


def test_causes_do_not_go_in_circles() -> None:
    def deepest(name: str, above: tuple[str, ...] = ()) -> int:
        assert name not in above
        return max((deepest(c, (*above, name)) for c in CAUSES.get(name, ())), default=0) + 1

    assert all(deepest(name) < 10 for name in CAUSES)


# ---------------------------------------------------------------- outcomes


@pytest.mark.parametrize(
    ("outcomes", "validity"),
    [
        ({"e1": "finished", "mallory/*": "rejected"}, Validity.VALID),
        ({"*": "rejected", "e1": "finished"}, Validity.VALID),
        ({"alice/e*": "failed"}, Validity.INVALID),
        ({"mallory/m1": "finished"}, Validity.INVALID),
        ({"gone": "removed"}, Validity.VALID),
        ({"open": "in_progress"}, Validity.VALID),
        ({"unread": "finished"}, Validity.UNKNOWN),
        ({"lost": "finished"}, Validity.UNKNOWN),
        ({"lost": "rejected"}, Validity.UNKNOWN),
        ({"nobody/*": "finished"}, Validity.UNKNOWN),
    ],
)
def test_experiments_are_held_against_their_expected_ends(
    outcomes: dict[str, str], validity: Validity
) -> None:
    tale = a_tale()
    tale.submit("m1", ["a"], 30, by="mallory", code="INVALID_ARGUMENT")
    tale.submit("m2", ["a"], 31, by="mallory", code="UNAVAILABLE")
    if "*" not in outcomes:
        tale.submit("gone", ["ghost"], 40)
        tale.remove("gone", 50)
        tale.submit("open", ["ghost"], 60)
        tale.status("open", 290, "pending")
        tale.submit("unread", ["ghost"], 61)
        tale.submit("lost", ["ghost"], 62, code="UNAVAILABLE")

    verdict = judged(tale, Expect.model_validate({"outcomes": outcomes}))

    assert max((result.validity for result in verdict.of(Section.OUTCOME)), key=WORSE) is validity


def test_an_upload_in_doubt_was_rejected_where_its_owner_asks_for_it_in_vain() -> None:
    tale = a_tale()
    tale.submit("lost", ["ghost"], 62, code="UNAVAILABLE")
    tale.status("lost", 70, "")

    verdict = judged(tale, Expect.model_validate({"outcomes": {"lost": "rejected"}}))

    assert verdict.result("outcomes[lost]").validity is Validity.VALID


def test_a_refusal_says_nothing_of_an_earlier_upload_in_doubt() -> None:
    tale = a_tale()
    tale.submit("lost", ["ghost"], 62, code="UNAVAILABLE")
    tale.submit("lost", ["ghost"], 64, code="ALREADY_EXISTS")

    verdict = judged(tale, Expect.model_validate({"outcomes": {"lost": "rejected"}}))

    assert verdict.result("outcomes[lost]").validity is Validity.UNKNOWN


def test_a_refused_upload_is_decided_though_pieces_of_it_came_twice() -> None:
    tale = a_tale()
    call = tale.submit("m1", ["a"], 30, by="mallory", code="INVALID_ARGUMENT")
    about: JsonObject = {"fault": "doubler", "type": "stream.corrupt", "mode": "duplicate"}
    tale.note(30, "fault.touch", {**about, "method": "", "direction": "request"}, call=call)

    verdict = judged(tale, Expect.model_validate({"outcomes": {"m1": "rejected"}}))

    assert verdict.result("outcomes[m1]").validity is Validity.VALID


@pytest.mark.parametrize(
    ("worked_until", "validity"), [(299, Validity.UNKNOWN), (200, Validity.INVALID)]
)
def test_what_still_gets_further_at_the_end_may_yet_finish(
    worked_until: float, validity: Validity
) -> None:
    tale = a_tale()
    tale.submit("open", ["a"], 60)
    tale.train("a", "open", worked_until - 5, 5, nth=0)
    tale.status("open", 298, "in_progress")

    verdict = judged(tale, Expect.model_validate({"outcomes": {"open": "finished"}}))

    assert verdict.result("outcomes[open]").validity is validity


# ---------------------------------------------------------------- service levels


@pytest.mark.parametrize(
    ("slo", "validity", "measured"),
    [
        ("rpc.UpdateEnvoyStatus.latency.p99 < 250ms", Validity.VALID, "40 ms"),
        ("rpc.UpdateEnvoyStatus.latency.p99 < 10ms", Validity.INVALID, "40 ms"),
        ("experiment.duration.max <= 5m", Validity.VALID, "270 s"),
        ("rpc.all.errors <= 1%", Validity.VALID, "0 %"),
        ("rpc.GetTrainedModel.latency.max < 1s", Validity.UNKNOWN, None),
    ],
)
def test_service_levels_are_measured_and_compared(
    slo: str, validity: Validity, measured: str | None
) -> None:
    (result,) = judged(a_tale(), Expect.model_validate({"slo": [slo]})).of(Section.SLO)

    assert (result.name, result.validity, result.measured) == (slo, validity, measured)


def test_a_bound_within_what_the_record_brackets_cannot_be_told() -> None:
    tale = a_tale()
    tale.envoy("b", until=None)
    tale.beat("b", 60)
    tale.listing(70, online=["b"])
    tale.listing(90, online=[], offline=["b"])

    (result,) = judged(
        tale, Expect.model_validate({"slo": ["envoy.offline_detection.max < 25s"]})
    ).of(Section.SLO)

    assert (result.validity, result.measured) == (Validity.UNKNOWN, "10 s to 30.04 s")
