"""Who downloads an archive, when, and what comes of it."""

import asyncio

import pytest

from director.core.model import ExperimentName
from director.errors import UnknownExperimentError
from director.settings import Settings
from tests.director.house import CT, MRI, A, B, caller, housed


async def test_everybody_downloads_the_same_archive() -> None:
    async with housed(settings=Settings(chunk_bytes=64)) as house:
        await house.submit(MRI, "a", "b")

        one, other = await asyncio.gather(house.download(MRI, "a"), house.download(MRI, "b"))

        assert one == other
        assert len(one) > 64


async def test_after_its_download_an_envoy_is_not_told_again_unless_it_reconnects() -> None:
    async with housed() as house:
        await house.register("a")
        await house.submit()
        assert await house.wait() == MRI

        await house.download()

        assert await house.wait() is None
        assert await house.wait(connection="2") == MRI


async def test_a_download_that_is_broken_off_does_not_count() -> None:
    async with housed(settings=Settings(chunk_bytes=64)) as house:
        await house.register("a")
        await house.submit()
        assert await house.wait() == MRI

        download = house.director.download(caller(), MRI, A)
        await anext(download)
        assert house.director.held()["streams"] == 1
        await download.aclose()

        assert house.director.held()["streams"] == 0
        assert await house.wait() == MRI


async def test_a_download_goes_on_to_its_end_although_the_experiment_ends() -> None:
    async with housed(settings=Settings(chunk_bytes=64, chunk_cache_bytes=0)) as house:
        await house.submit(MRI, "a", "b")
        whole = await house.download(MRI, "b")

        download = house.director.download(caller(), MRI, A)
        begun = await anext(download)
        await house.fail()
        await house.director.remove(caller(), MRI)
        rest = [chunk async for chunk in download]

        assert begun + b"".join(rest) == whole
        assert house.archives.list() == {}


async def test_an_archive_is_only_for_participants_of_what_has_started() -> None:
    async with housed() as house:
        await house.submit(MRI, "a")

        for name, envoy in ((MRI, B), (CT, A), (ExperimentName(""), A)):
            with pytest.raises(UnknownExperimentError):
                await house.download(name, envoy)


async def test_what_is_over_is_an_empty_download() -> None:
    async with housed() as house:
        await house.submit(MRI, "a")
        await house.submit(CT, "a")
        await house.fail(MRI)
        await house.director.remove(caller(), CT)

        assert await house.download(MRI) == await house.download(CT) == b""


async def test_a_download_begins_when_the_archive_is_ready() -> None:
    async with housed() as house:
        house.director._parts._opener._announced.clear()
        await house.submit()
        early = asyncio.ensure_future(house.download())
        never = asyncio.ensure_future(house.download())
        await asyncio.sleep(1)
        assert not early.done()
        never.cancel()

        house.director.announce("director", 50051)

        assert await early != b""
        assert (await house.settled())["streams"] == 0


async def test_a_download_that_waited_for_what_has_ended_is_empty(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with housed() as house:
        house.director._parts._opener._announced.clear()
        await house.submit()
        early = asyncio.ensure_future(house.download())
        await asyncio.sleep(1)

        await house.fail()

        assert await early == b""
        house.director.announce("director", 50051)
        assert await house.settled() == {
            "waits": 0,
            "tasks": 0,
            "archives": 0,
            "streams": 0,
            "uploads": 0,
        }
        assert "could not be opened" not in caplog.text
