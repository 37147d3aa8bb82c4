"""What the `expect` part of a scenario may say, and how it tells what it may not."""

import pytest
from pydantic import ValidationError

from simulator.checkers import CHECKERS
from simulator.checkers.expect import GUARANTEES, Expect, Waiver
from simulator.checkers.slo import Family, Measure


def test_the_example_of_the_documentation_is_understood() -> None:
    written = {
        "guarantees": "all",
        "waive": [{"guarantee": "throughput", "why": "the storm outlasts the recovery"}],
        "outcomes": {"e1": "finished", "e2": "finished", "mallory/*": "rejected"},
        "recover": {"all_online_within": "25s"},
        "slo": [
            "rpc.UpdateEnvoyStatus.latency.p99 < 250ms",
            "envoy.offline_detection.max < 25s",
        ],
        "coverage": {
            "every_fault_fires": True,
            "min_rpcs": 500,
            "reached": ["experiment.distributed", "envoy.reregistered"],
        },
    }

    expect = Expect.model_validate(written)

    assert expect.waiver("throughput") == Waiver(
        guarantee="throughput", why="the storm outlasts the recovery"
    )
    assert expect.waiver("delivery") is None
    assert expect.recover.all_online_within == 25
    latency, detection = expect.slo
    assert latency.measure == Measure(Family.LATENCY, "UpdateEnvoyStatus", "p99")
    assert (latency.operator, latency.bound) == ("<", 0.25)
    assert detection.measure == Measure(Family.OFFLINE_DETECTION, statistic="max")
    assert expect.coverage.reached == ("experiment.distributed", "envoy.reregistered")


def test_nothing_said_means_everything_is_judged() -> None:
    expect = Expect()

    assert all(expect.judges(guarantee) for guarantee in GUARANTEES)
    assert expect.coverage.every_fault_fires


def test_a_list_of_guarantees_leaves_the_others_out() -> None:
    expect = Expect(guarantees=("tls", "binding"))

    assert [name for name in GUARANTEES if expect.judges(name)] == ["binding", "tls"]


def test_what_was_decoded_is_encoded_as_it_was_written() -> None:
    written = {"slo": ["rpc.all.errors  <= 1%"], "recover": {"all_online_within": "25s"}}

    again = Expect.model_validate(written).model_dump(mode="json")

    assert again["slo"] == ["rpc.all.errors <= 1%"]


@pytest.mark.parametrize(
    ("slo", "complaint"),
    [
        ("heartbeats are fast", "is not a service level such as"),
        (17, "is not a service level such as"),
        ("rpc.UpdateEnvoStatus.latency.p99 < 1s", "did you mean 'UpdateEnvoyStatus'"),
        ("rpc.GetEnvoys.latncy.p99 < 1s", "known: rpc.*.latency, rpc.*.errors"),
        ("rpc.GetEnvoys.latency < 1s", "needs a statistic (known: min, mean, p50"),
        ("rpc.GetEnvoys.latency.p98 < 1s", "no statistic 'p98'"),
        ("rpc.GetEnvoys.latency.p99 < 250", "is a duration, such as 250ms"),
        ("rpc.GetEnvoys.errors.max < 1%", "takes no statistic"),
        ("rpc.GetEnvoys.rate > 5", "is a rate, such as 200/s"),
        ("envoy.ofline_detection.max < 5s", "did you mean 'envoy.offline_detection'"),
        ("rpc < 5s", "no measure 'rpc'"),
    ],
)
def test_a_service_level_that_cannot_be_measured_is_refused_and_told_why(
    slo: object, complaint: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        Expect.model_validate({"slo": [slo]})

    (error,) = refusal.value.errors()
    assert error["loc"] == ("slo", 0)
    assert complaint in error["msg"]


@pytest.mark.parametrize(
    ("written", "where"),
    [
        ({"guarantees": ["delivery", "deliverance"]}, ("guarantees", 1)),
        ({"waive": [{"guarantee": "throughput"}]}, ("waive", 0, "why")),
        ({"waive": [{"guarantee": "thruput", "why": "slow"}]}, ("waive", 0, "guarantee")),
        ({"outcomes": {"e1": "done"}}, ("outcomes", "e1")),
        ({"coverage": {"reached": ["moon"]}}, ("coverage", "reached", 0)),
        ({"recover": {"all_online_within": 25}}, ("recover", "all_online_within")),
        ({"expect": {}}, ("expect",)),
    ],
)
def test_a_mistake_is_found_where_it_stands(written: object, where: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as refusal:
        Expect.model_validate(written)

    (error,) = refusal.value.errors()
    assert error["loc"] == where


def test_the_catalogue_of_checkers_is_in_the_order_of_judging() -> None:
    judged = [checker.guarantee for checker in CHECKERS]

    assert judged == [guarantee for guarantee in GUARANTEES if guarantee in judged]
    assert set(GUARANTEES) - set(judged) <= {"durability"}
