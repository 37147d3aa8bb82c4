"""The catalogue: what can be decoded is what is documented, and what does not fit is refused."""

import asyncio
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from simulator.faults import CATALOGUE, FaultBase
from simulator.faults.describe import describe_faults
from simulator.faults.weather import Weather
from simulator.network.api import PASS, Reject
from tests.simulator.fake_world import FakeWorld
from tests.simulator.faults.faults import attack, fault, instant

Make = Callable[[], FaultBase]


def test_every_fault_is_described_in_one_line() -> None:
    described = describe_faults()

    assert [fault.name for fault in described] == [fault.name() for fault in CATALOGUE]
    assert len({fault.name for fault in described}) == len(described)
    assert all(fault.summary.endswith(".") and len(fault.summary) < 100 for fault in described)
    assert all(parameter.summary for fault in described for parameter in fault.parameters)


def test_parameters_are_described_with_units_and_defaults() -> None:
    described = {fault.name: fault for fault in describe_faults()}

    told = {
        (name, parameter.name): (parameter.kind, parameter.default, parameter.is_required)
        for name, fault in described.items()
        for parameter in fault.parameters
    }
    assert told["envoy.restart", "down"] == ("duration, such as 90s", "5s", False)
    assert told["heartbeat.delay", "by"] == ("duration, or a spread of them", "1s", False)
    assert told["stream.corrupt", "keep"] == ("share, such as 30%", "50%", False)
    assert told["stream.corrupt", "nth"] == ("number", "1", False)
    assert told["stream.corrupt", "mode"][0].startswith("truncate | truncate_consistent | bits")
    assert told["stream.corrupt", "mode"][1:] == ("", True)
    assert told["identity.certificate", "certificate"][0].startswith("expired | not_yet_valid")
    assert told["identity.pry", "experiments"] == ("list of text", "", False)
    assert told["envoy.kill", "for_good"] == ("true or false", "false", False)
    assert described["director.restart"].targets == "the Director"
    assert described["heartbeat.drop"].targets == "envoys"
    assert described["heartbeat.drop"].chance == "message"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fault("heartbeat.drop", targets=None), "heartbeat.drop needs targets"),
        (lambda: instant("director.restart"), "it takes no targets"),
        (
            lambda: fault("link.loss", targets={"frontend": "x", "spawn": True}),
            "brings in no attacker",
        ),
        (lambda: instant("upload.misuse"), "add 'spawn: true'"),
        (lambda: fault("link.cut"), "link.cut happens in an instant: it takes no 'for'"),
        (lambda: fault("envoy.restart"), "envoy.restart has its own 'down': it takes no 'for'"),
        (lambda: fault("link.loss", when={"every": "5s"}), "add 'for'"),
        (lambda: fault("link.loss", when={"every": "5s", "for": "5s"}), "lengthen 'every'"),
        (
            lambda: fault("link.loss", when={"every": "5s", "for": "1s", "jitter": "4s"}),
            "lengthen 'every'",
        ),
        (lambda: fault("link.cut", when={"every": "5s", "jitter": "5s"}), "shorter than 'every'"),
        (
            lambda: attack("stream.corrupt", with_={"mode": "bits", "direction": "download"}),
            "downloads nothing",
        ),
        (
            lambda: fault("stream.corrupt", with_={"mode": "bits", "keep": "50%"}),
            "mode 'bits' has no use for 'keep'",
        ),
        (
            lambda: fault("stream.corrupt", with_={"mode": "cut", "nth": 1}),
            "mode 'cut' has no use for 'nth'",
        ),
        (lambda: fault("rpc.duplicate", with_={"methods": ["SetNewExperiment"]}), "methods"),
    ],
)
def test_what_does_not_fit_together_is_refused(make: Make, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()


def test_the_director_is_restarted_wherever_it_is_ours() -> None:
    restart = instant("director.restart", targets=None)

    here = restart.unsupported(world="virtual", director="inprocess", identity="plaintext")
    there = restart.unsupported(world="wire", director="subprocess", identity="mtls")
    theirs = restart.unsupported(world="wire", director="external", identity="plaintext")

    assert here is None
    assert there is None
    assert theirs is not None
    assert "elsewhere" in theirs


@pytest.mark.parametrize("signal", ["power", "torn"])
def test_power_is_lost_only_where_a_disk_is_simulated(signal: str) -> None:
    restart = instant("director.restart", targets=None, with_={"signal": signal})

    here = restart.unsupported(world="virtual", director="inprocess", identity="plaintext")
    there = restart.unsupported(world="wire", director="subprocess", identity="plaintext")

    assert here is None
    assert there is not None
    assert "signal: kill" in there


async def test_restarting_the_director_is_the_worlds_to_do() -> None:
    world = FakeWorld()
    restart = instant("director.restart", targets=None, with_={"signal": "stop", "down": "8s"})

    async with restart.inject(world, []):
        pass

    assert restart.lasts() == 8
    assert world.director_downs == [(0.0, "stop")]


@pytest.mark.parametrize(
    ("latency", "longest"),
    [
        ("20ms", 0.02),
        ({"uniform": {"low": "1ms", "high": "50ms"}}, 0.05),
        ({"normal": {"mean": "20ms", "sd": "5ms"}}, 0.05),
        ({"lognormal": {"median": "20ms", "p99": "100ms"}}, 1.0),
    ],
)
async def test_the_weather_delays_everybody_within_bounds(latency: object, longest: float) -> None:
    world = FakeWorld("a")
    weather = Weather.model_validate({"latency": latency})

    with weather.over(world):
        delays = [world.pass_on("a")[0] for _ in range(1_000)]

    assert weather.transit_s() == pytest.approx(longest)
    assert 0 < max(delays) <= longest
    assert world.notes == []
    assert world.network.rules.is_empty


async def test_the_weather_loses_some_and_says_so() -> None:
    world = FakeWorld("a")

    with Weather(loss=0.1).over(world):
        verdicts = [world.pass_on("a")[1] for _ in range(1_000)]
        await asyncio.sleep(0)

    lost = [verdict for verdict in verdicts if isinstance(verdict, Reject)]
    assert 60 < len(lost) < 140
    assert verdicts.count(PASS) == 1_000 - len(lost)
    assert world.link("a").cuts == len(lost)
    assert world.noted("fault.touch", "fault", "mode") == [(0.0, "a", "weather", "loss")] * len(
        lost
    )


async def test_fair_weather_costs_nothing() -> None:
    world = FakeWorld()

    with Weather().over(world):
        assert world.network.rules.is_empty


@pytest.mark.parametrize("type_", ["storage.full", "storage.error", "storage.rot"])
def test_only_a_simulated_disk_can_be_made_to_fail(type_: str) -> None:
    disk = instant(type_, targets=None)

    here = [
        disk.unsupported(world=world, director="inprocess", identity="plaintext")
        for world in ("virtual", "wire")
    ]
    there = disk.unsupported(world="wire", director="subprocess", identity="plaintext")

    assert here == [None, None]
    assert there is not None
    assert "run: inprocess" in there
