"""Downloads that stand still: they take few places, and none of those that others need."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from director.core.model import EnvoyName
from director.errors import LimitExceededError
from director.settings import Limits, Settings
from tests.director.house import MRI, House, caller, housed

SETTINGS = Settings(
    chunk_bytes=64, limits=Limits(max_downloads=3, max_downloads_per_envoy=2, max_collaborators=9)
)


def download(house: House, envoy: str) -> AsyncGenerator[bytes, None]:
    return house.director.download(caller(envoy), MRI, EnvoyName(envoy))


async def standing_still(house: House, *envoys: str) -> list[AsyncGenerator[bytes, None]]:
    downloads = [download(house, envoy) for envoy in envoys]
    for begun in downloads:
        assert await anext(begun)
    return downloads


async def test_an_envoy_has_no_more_than_its_share_of_downloads() -> None:
    async with housed(settings=SETTINGS) as house:
        await house.submit(MRI, "a", "b")
        held = await standing_still(house, "a", "a")

        with pytest.raises(LimitExceededError, match="2 of your downloads"):
            await anext(download(house, "a"))

        assert await house.download(MRI, "b")
        await held[0].aclose()
        assert await house.download(MRI, "a")
        await held[1].aclose()
        assert house.director.held()["streams"] == 0


async def test_who_finds_every_place_taken_waits_for_one_in_the_order_of_coming() -> None:
    async with housed(settings=SETTINGS) as house:
        await house.submit(MRI, "a", "b", "c", "d")
        held = await standing_still(house, "a", "a", "b")
        done: list[str] = []

        async def whole(envoy: str) -> None:
            assert await house.download(MRI, envoy)
            done.append(envoy)

        waiting = [asyncio.create_task(whole(envoy)) for envoy in ("c", "d")]
        await asyncio.sleep(1)
        assert done == []

        await held[0].aclose()
        await asyncio.gather(*waiting)

        assert done == ["c", "d"]
        for begun in held[1:]:
            await begun.aclose()
        assert house.director.held()["streams"] == 0


@pytest.mark.parametrize("is_removed", [False, True])
async def test_a_download_that_waits_has_nothing_to_send_once_the_experiment_is_over(
    *, is_removed: bool
) -> None:
    async with housed(settings=SETTINGS) as house:
        await house.submit(MRI, "a", "b", "c")
        held = await standing_still(house, "a", "a", "b")
        waiting = asyncio.create_task(house.download(MRI, "c"))
        await asyncio.sleep(1)

        if is_removed:
            await house.director.remove(caller(), MRI)
        else:
            await house.fail(MRI, "a")
        for begun in held:
            await begun.aclose()

        assert await waiting == b""


async def test_who_gives_up_waiting_takes_nobodys_turn() -> None:
    async with housed(settings=SETTINGS) as house:
        await house.submit(MRI, "a", "b", "c", "d")
        held = await standing_still(house, "a", "a", "b")
        impatient = asyncio.create_task(house.download(MRI, "c"))
        patient = asyncio.create_task(house.download(MRI, "d"))
        await asyncio.sleep(1)

        impatient.cancel()
        await held[0].aclose()

        assert await patient
        assert impatient.cancelled()
        for begun in held[1:]:
            await begun.aclose()
