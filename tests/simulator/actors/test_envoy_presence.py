"""Envoys: how they come, tell that they live, and wait."""

import asyncio

import pytest

from director.errors import ForbiddenError
from simulator.history.entry import Kind
from tests.simulator.actors.house import housed
from tests.simulator.actors.refusals import LOST, refuse


async def test_an_envoy_registers_beats_and_waits() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        await asyncio.sleep(5)

        assert house.topics("a") == ["actor.start", "envoy.registered"]
        (registration,) = house.calls("UpdateShardInfo", "a")
        assert registration.response == {"accepted": True}
        assert [call.invoked_at for call in house.calls("UpdateEnvoyStatus", "a")] == [0, 2, 4]
        assert all(call.request["name"] == "a" for call in house.calls("WaitExperiment", "a"))


async def test_an_envoy_says_who_it_is() -> None:
    async with housed() as house:
        await house.envoy("a", profile="openfl-1.6").start()
        await asyncio.sleep(1)

        (start,) = house.notes("actor.start", "a")
        assert start.value == {
            "kind": "envoy",
            "identity": "",
            "group": "hospital",
            "labels": {"region": "eu"},
            "profile": "openfl-1.6",
        }


@pytest.mark.parametrize(("profile", "known_as"), [("robust", "a"), ("openfl-1.6", "__default__")])
async def test_only_robust_envoys_name_themselves_in_plaintext(profile: str, known_as: str) -> None:
    async with housed() as house:
        await house.envoy("a", profile=profile).start()
        await asyncio.sleep(1)

        assert house.director.callers["report_shard"] == {known_as}
        (registration,) = house.calls("UpdateShardInfo", "a")
        assert registration.request["as"] == ("a" if profile == "robust" else "")


@pytest.mark.parametrize("profile", ["robust", "openfl-1.6"])
async def test_a_forgotten_envoy_registers_again(profile: str) -> None:
    async with housed() as house:
        await house.envoy("a", profile=profile).start()
        await asyncio.sleep(1)

        house.director.envoy_shards.clear()
        await asyncio.sleep(10)

        assert "a" in house.director.envoy_shards
        assert house.topics("a") == ["actor.start", "envoy.registered", "envoy.reregistered"]


async def test_a_robust_envoy_registers_again_when_its_long_poll_tells_it_to() -> None:
    async with housed() as house:
        house.director.period_s = 60
        await house.envoy("a").start()
        await asyncio.sleep(1)

        house.director.envoy_shards.clear()
        await asyncio.sleep(5)

        assert len(house.notes("envoy.reregistered", "a")) == 1
        assert house.calls("WaitExperiment", "a")[-1].kind is Kind.INFO


async def test_a_registration_under_way_is_not_made_twice() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        await asyncio.sleep(1.5)

        # Heartbeat and long poll both learn that the envoy was forgotten, and its name is lost.
        house.director.envoy_shards.clear()
        refuse(house, "report_shard", *[LOST] * 3)
        await asyncio.sleep(20)

        assert len(house.notes("envoy.reregistered", "a")) == 1
        assert len(house.calls("UpdateShardInfo", "a")) == 5


async def test_an_unwanted_envoy_gives_up() -> None:
    async with housed() as house:
        house.director.accepts_shards = False
        await house.envoy("a").start()
        await asyncio.sleep(5)

        (dead,) = house.notes("envoy.dead", "a")
        assert dead.value == {"why": "its shard was not accepted"}
        assert house.calls("UpdateEnvoyStatus") == ()


async def test_a_refused_registration_is_final() -> None:
    async with housed() as house:
        refuse(house, "report_shard", ForbiddenError("b", "a"))
        await house.envoy("a").start()
        await asyncio.sleep(5)

        (dead,) = house.notes("envoy.dead", "a")
        assert dead.value == {"why": "registration: PERMISSION_DENIED"}


async def test_a_registration_that_gets_lost_is_made_again() -> None:
    async with housed() as house:
        refuse(house, "report_shard", LOST, LOST)
        await house.envoy("a").start()
        await asyncio.sleep(5)

        kinds = [call.kind for call in house.calls("UpdateShardInfo", "a")]
        assert kinds == [Kind.INFO, Kind.INFO, Kind.OK]


async def test_a_lost_heartbeat_is_repeated_in_time() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        await asyncio.sleep(1)
        refuse(house, "report_heartbeat", LOST)
        await asyncio.sleep(4)

        times = [call.invoked_at for call in house.calls("UpdateEnvoyStatus", "a")]
        assert times == [0, 2, 3.5]


@pytest.mark.parametrize(("profile", "beats"), [("openfl-1.6", 5), ("openfl-1.6-brittle", 2)])
async def test_the_heart_of_a_brittle_envoy_stops_at_an_error(profile: str, beats: int) -> None:
    async with housed() as house:
        await house.envoy("a", profile=profile).start()
        await asyncio.sleep(1)
        refuse(house, "report_heartbeat", LOST)
        await asyncio.sleep(8)

        assert len(house.calls("UpdateEnvoyStatus", "a")) == beats
        assert len(house.notes("envoy.dead", "a")) == (profile == "openfl-1.6-brittle")
        # The rest of it lives on.
        assert house.calls("WaitExperiment", "a")[-1].invoked_at > 6


async def test_an_envoy_that_is_told_no_period_at_all_does_not_stop_the_clock() -> None:
    async with housed() as house:
        house.director.period_s = 0.5
        await house.envoy("a", profile="openfl-1.6").start()
        await asyncio.sleep(0.05)

        # OpenFL's envoys read whole seconds only, and then spin.
        assert 40 <= len(house.calls("UpdateEnvoyStatus", "a")) <= 60


async def test_answers_of_nothing_at_once_are_not_asked_for_without_a_pause() -> None:
    async with housed() as house:
        house.director.poll_s = 0
        await house.envoy("a").start()
        await asyncio.sleep(60)

        assert len(house.calls("WaitExperiment", "a")) < 20
