"""What service levels are measured by."""

import pytest

from simulator.checkers.service_levels import judge_level
from simulator.checkers.slo import parse_slo, statistic
from simulator.checkers.slo_measures import Reading, read
from simulator.history.entry import Kind
from simulator.history.history import History
from tests.simulator.report.tale import Tale


def measured(history: History, measure: str, unit: str = "s") -> Reading | None:
    return read(history, parse_slo(f"{measure} < 1{unit}").measure)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min", 1),
        ("mean", 50.5),
        ("p50", 50),
        ("p90", 90),
        ("p99", 99),
        ("p999", 100),
        ("max", 100),
    ],
)
def test_a_quantile_is_a_sample_that_was_seen(name: str, value: float) -> None:
    assert statistic(name, range(1, 101)) == value


def test_latency_is_of_the_calls_that_were_answered() -> None:
    tale = Tale()
    tale.beat("a", 1, took_s=0.1)
    tale.beat("a", 2, took_s=0.3, code="NOT_FOUND")
    tale.beat("a", 3, took_s=9, code="UNAVAILABLE")

    reading = measured(tale.history(), "rpc.UpdateEnvoyStatus.latency.max")

    assert reading is not None
    assert reading.low == pytest.approx(0.3)
    assert reading.samples == 2


def test_counts_rates_and_errors_are_of_all_calls() -> None:
    tale = Tale()
    for second in range(10):
        tale.beat("a", second)
    tale.call("GetEnvoys", "alice", 20, kind=Kind.INFO, response={"code": "UNAVAILABLE"})
    tale.wait("a", 1, 300)
    history = tale.history()

    count = measured(history, "rpc.UpdateEnvoyStatus.count", "")
    rate = measured(history, "rpc.UpdateEnvoyStatus.rate", "/s")
    errors = measured(history, "rpc.all.errors", "%")

    assert count is not None
    assert count.low == 10
    assert rate is not None
    assert rate.low == pytest.approx(10 / 9)
    assert errors is not None
    assert errors.low == pytest.approx(1 / 11)


def test_how_fast_silence_is_noticed_is_bracketed_by_who_looked() -> None:
    tale = Tale()
    tale.envoy("a", until=None)
    tale.beat("a", 60)
    tale.listing(75, online=["a"])
    tale.listing(85, online=[], offline=["a"])

    reading = measured(tale.history(), "envoy.offline_detection.max")

    assert reading is not None
    assert reading.low == pytest.approx(15)
    assert reading.high == pytest.approx(25.04)


def test_while_the_director_is_down_it_notices_no_silence() -> None:
    tale = Tale()
    tale.envoy("a", until=None)
    tale.beat("a", 60)
    tale.listing(75, online=["a"])
    tale.note(77, "director.kill", {})
    tale.note(83, "director.start", {})
    tale.listing(85, online=[], offline=["a"])

    reading = measured(tale.history(), "envoy.offline_detection.max")

    assert reading is not None
    assert reading.high == pytest.approx(25.04 - 6)


def test_what_the_director_heard_before_it_was_killed_counts_although_it_forgot() -> None:
    tale = Tale()
    tale.envoy("a", until=None)
    tale.beat("a", 40)
    # The answers to what came later were lost.
    tale.listing(75, online=["a"], updated_at=70)
    tale.note(77, "director.kill", {})
    tale.note(83, "director.start", {})
    tale.listing(85, online=[], offline=["a"])

    reading = measured(tale.history(), "envoy.offline_detection.max")

    assert reading is not None
    assert reading.low == pytest.approx(5)
    assert reading.high == pytest.approx(15.04 - 6)


def test_how_long_a_comeback_takes_counts_from_the_recovery() -> None:
    tale = Tale()
    tale.envoy("a", until=None)
    tale.listing(185, online=[], offline=["a"])
    tale.listing(190, online=["a"])

    reading = measured(tale.history(), "envoy.comeback.max")

    assert reading is not None
    assert reading.low == pytest.approx(5)
    assert reading.high == pytest.approx(10.04)


def test_delivery_and_duration_count_from_acceptance() -> None:
    tale = Tale()
    tale.envoy("a")
    tale.wait("a", 15, 5.3, brought="e1")
    tale.submit("e1", ["a"], 20, took_s=0.1)
    tale.status("e1", 50, "finished")
    history = tale.history()

    delivery = measured(history, "experiment.delivery.max")
    duration = measured(history, "experiment.duration.max")

    assert delivery is not None
    assert delivery.high == pytest.approx(0.2)
    assert duration is not None
    assert duration.high == pytest.approx(29.94)


@pytest.mark.parametrize(
    "measure",
    [
        "rpc.GetEnvoys.latency.max",
        "envoy.offline_detection.max",
        "experiment.delivery.max",
        "harness.lag.max",
    ],
)
def test_nothing_measured_is_nothing_read(measure: str) -> None:
    assert measured(Tale().history(), measure) is None


# ---------------------------------------------------------------- what is said of them


def said(tale: Tale, slo: str) -> str:
    (finding,) = judge_level(tale.history(), parse_slo(slo)).judgement.findings
    assert finding.evidence
    return finding.message


def test_a_level_that_was_missed_tells_its_value_its_bound_and_the_occasions() -> None:
    tale = Tale()
    for turn, took_s in enumerate((0.1, 0.3, 0.4, 0.2, 0.5, 0.6)):
        tale.beat("a", 10.0 * turn, took_s=took_s)

    assert said(tale, "rpc.UpdateEnvoyStatus.latency.p90 < 250ms") == (
        "rpc.UpdateEnvoyStatus.latency.p90 is 600 ms, not < 250 ms; 4 of 6 went beyond it:"
        " UpdateEnvoyStatus of a at 50.0 s (600 ms), UpdateEnvoyStatus of a at 40.0 s (500 ms),"
        " UpdateEnvoyStatus of a at 20.0 s (400 ms), and 1 more"
    )


def test_errors_that_were_too_many_are_named_with_their_codes() -> None:
    tale = Tale()
    tale.beat("a", 1)
    tale.beat("a", 2, took_s=9, code="UNAVAILABLE")

    assert said(tale, "rpc.UpdateEnvoyStatus.errors <= 1%") == (
        "rpc.UpdateEnvoyStatus.errors is 50 %, not <= 1 %; 1 of 2 went beyond it:"
        " UpdateEnvoyStatus of a at 2.0 s (UNAVAILABLE)"
    )


def test_a_count_has_no_single_occasion() -> None:
    tale = Tale()
    tale.beat("a", 1)

    assert said(tale, "rpc.UpdateEnvoyStatus.count > 100") == (
        "rpc.UpdateEnvoyStatus.count is 1, not > 100"
    )


def test_a_silence_that_was_noticed_late_is_told_with_the_envoy() -> None:
    tale = Tale()
    tale.envoy("a", until=None)
    tale.beat("a", 60)
    tale.listing(70, online=["a"])
    tale.listing(90, online=[], offline=["a"])

    doubt = said(tale, "envoy.offline_detection.max < 25s")

    assert doubt.endswith("< 25 s; 1 of 1 went beyond it: a, silent since 60.0 s (10 s to 30.04 s)")
