"""Long polls: who is told of which experiment, when, and how often."""

import asyncio

import pytest

from director.errors import LimitExceededError
from director.settings import Limits, Settings
from tests.director.house import MRI, housed


async def test_a_waiting_envoy_is_told_at_once() -> None:
    async with housed() as house:
        await house.register("a", "b")
        told = asyncio.ensure_future(house.wait("a"))
        other = asyncio.ensure_future(house.wait("b"))
        await asyncio.sleep(1)
        await house.submit(MRI, "a")
        accepted_at = asyncio.get_running_loop().time()

        assert await told == MRI

        assert asyncio.get_running_loop().time() == accepted_at
        assert not other.done()
        other.cancel()


async def test_an_envoy_that_comes_later_is_told_when_it_asks() -> None:
    async with housed() as house:
        await house.submit(MRI, "a")
        await house.register("a")

        assert await house.wait() == MRI
        assert await house.wait() == MRI


@pytest.mark.parametrize(("long_poll_s", "expected_s"), [(None, 60.0), (5.0, 5.0)])
async def test_a_long_poll_ends_in_time(long_poll_s: float | None, expected_s: float) -> None:
    async with housed(settings=Settings(long_poll_s=long_poll_s)) as house:
        await house.register("a")
        begun_at = asyncio.get_running_loop().time()

        assert await house.wait() is None

        assert asyncio.get_running_loop().time() - begun_at == expected_s
        assert house.director.held()["waits"] == 0


async def test_a_long_poll_that_is_cancelled_swallows_nothing() -> None:
    async with housed() as house:
        await house.register("a")
        gone = asyncio.ensure_future(house.wait())
        await asyncio.sleep(1)
        gone.cancel()
        await asyncio.sleep(0)
        assert house.director.held()["waits"] == 0

        await house.submit()

        assert await house.wait() == MRI


async def test_a_long_poll_that_is_cancelled_when_it_is_answered_swallows_nothing() -> None:
    async with housed() as house:
        await house.register("a")
        gone = asyncio.ensure_future(house.wait())
        await asyncio.sleep(1)
        house.director.on_event(lambda *_: gone.cancel())

        await house.submit()

        assert gone.cancelled()
        assert await house.wait() == MRI


async def test_a_half_open_connection_does_not_swallow_a_delivery() -> None:
    async with housed() as house:
        await house.register("a")
        dead = asyncio.ensure_future(house.wait("a", connection="dead"))
        await asyncio.sleep(1)
        live = asyncio.ensure_future(house.wait("a", connection="live"))
        await asyncio.sleep(1)

        await house.submit()

        assert await live == await dead == MRI


async def test_an_envoy_may_hold_only_so_many_long_polls() -> None:
    settings = Settings(limits=Limits(max_waits_per_envoy=1))
    async with housed(settings=settings) as house:
        await house.register("a")
        first = asyncio.ensure_future(house.wait())
        await asyncio.sleep(1)

        with pytest.raises(LimitExceededError):
            await house.wait()
        second = asyncio.ensure_future(house.wait(connection="2"))

        assert await first is None
        second.cancel()


async def test_nobody_is_told_of_an_experiment_after_it_has_ended() -> None:
    async with housed() as house:
        names = [f"envoy-{number}" for number in range(2_000)]
        await house.register(*names)
        waits = [asyncio.ensure_future(house.wait(name)) for name in names]
        await asyncio.sleep(0.5)

        await house.submit(MRI, *names)
        await house.fail(MRI, names[0])
        told_in_time = [wait.result() for wait in waits if wait.done()]
        told = await asyncio.gather(*waits)

        assert len(told_in_time) < len(names)
        assert told == told_in_time + [None] * (len(names) - len(told_in_time))


async def test_ten_thousand_are_woken_in_slices() -> None:
    async with housed() as house:
        names = [f"envoy-{number}" for number in range(10_000)]
        await house.register(*names)
        waits = [asyncio.ensure_future(house.wait(name)) for name in names]
        await asyncio.sleep(0.5)

        await house.submit(MRI, *names)
        woken = sum(wait.done() for wait in waits)
        told = await asyncio.gather(*waits)

        assert woken < 1_000
        assert set(told) == {MRI}
