"""What a Director that was started again knows of envoys, and what it does not pretend to know."""

import asyncio

import pytest

from director.core.model import EnvoyName
from tests.director.durable import Storage
from tests.director.house import EPOCH, MRI, A, House, LoopClock, caller, housed

HOUR_S = 3_600.0


class WrongClock(LoopClock):
    """Was an hour ahead."""

    def now(self) -> float:
        return super().now() + HOUR_S


@pytest.mark.parametrize("is_stopped", [False, True], ids=["killed", "stopped"])
async def test_whoever_was_heard_of_in_the_future_has_to_be_heard_of_again(
    storage: Storage,
    is_stopped: bool,  # noqa: FBT001 - so that it is remembered from events, and from a snapshot
) -> None:
    async with housed(**storage, clock=WrongClock()) as house:
        await house.register("a", "b")
        if not is_stopped:
            await house.director.abandon()

    async with housed(**storage) as house:
        assert [view.is_online for view in house.director.envoys(caller())] == [False, False]
        await house.director.report_heartbeat(
            caller("a"), A, is_experiment_running=False, devices=()
        )
        heard_at = LoopClock().now()
        await asyncio.sleep(1)

        a, b = house.director.envoys(caller())
        assert (a.is_online, b.is_online) == (True, False)
        assert a.seen_at == heard_at > b.seen_at
        await asyncio.sleep(HOUR_S)
        assert [view.is_online for view in house.director.envoys(caller())] == [False, False]


# ---------------------------------------------------------------- envoys


async def test_a_remembered_envoy_is_served_without_registering_again(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.director.abandon()

    async with housed(**storage) as house:
        waiting = asyncio.ensure_future(house.wait("a", connection="2"))
        await asyncio.sleep(1)
        await house.submit()

        assert await waiting == MRI


async def test_what_comes_every_minute_is_not_written_down(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit(MRI)
        before = list(storage["journal"].replay())

        await house.director.report_heartbeat(
            caller("a"), A, is_experiment_running=False, devices=()
        )
        assert await house.wait() == MRI
        house.director.tasks(caller("a"), await house.join())

        assert list(storage["journal"].replay()) == before


async def test_presence_is_told_of_signs_of_life_and_of_nothing_else(storage: Storage) -> None:
    async with housed(**storage, envoy_health_check_period=10) as house:
        await house.register("a")
        await asyncio.sleep(100)
        await heartbeat(house)
        await house.director.abandon()

    async with housed(**storage, envoy_health_check_period=10) as house:
        [known] = house.director.envoys(caller())
        assert not known.is_online, "the heartbeat was not written down, so nothing is known of it"
        assert known.seen_at == EPOCH

        await heartbeat(house)

        assert house.director.envoys(caller())[0].is_online


async def test_a_registration_counts_as_a_sign_of_life_over_a_restart(storage: Storage) -> None:
    async with housed(**storage, envoy_health_check_period=10) as house:
        await house.register("a")
        await house.director.abandon()

    async with housed(**storage, envoy_health_check_period=10) as house:
        await asyncio.sleep(10)
        assert house.director.envoys(caller())[0].is_online
        await asyncio.sleep(10)
        assert not house.director.envoys(caller())[0].is_online


async def test_a_director_that_says_goodbye_remembers_who_was_there(storage: Storage) -> None:
    async with housed(**storage, envoy_health_check_period=10) as house:
        await house.register("a")
        await asyncio.sleep(100)
        await heartbeat(house)

    async with housed(**storage, envoy_health_check_period=10) as house:
        [known] = house.director.envoys(caller())
        assert (known.is_online, known.seen_at) == (True, EPOCH + 100)


async def heartbeat(house: House) -> None:
    await house.director.report_heartbeat(
        caller("a"), EnvoyName("a"), is_experiment_running=False, devices=()
    )
