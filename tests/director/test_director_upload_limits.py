"""How much may be uploaded, by whom, and how long that may take."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from director.core.lifecycle import Status
from director.core.tensors import encode
from director.errors import InvalidUploadError, LimitExceededError, UnknownExperimentError
from director.interface import UploadPart
from director.settings import Limits, Settings
from tests.director.house import CT, MRI, caller, housed, parts
from tests.director.uploading import EMPTY_HANDED, refused
from tests.director.workspace.archives import with_plan


async def test_limits_are_told() -> None:
    limits = Limits(max_archive_bytes=200, max_model_bytes=10, max_uploads=1)
    async with housed(settings=Settings(limits=limits)) as house:
        small = (encode("w", np.zeros(1, np.float32), round_number=0, tags=["model"]),)
        assert "200 bytes" in str(await refused(house, parts(tensors=small)))
        large = (encode("w", np.zeros(9, np.float32), round_number=0, tags=["model"]),)
        assert "10 bytes" in str(await refused(house, parts(tensors=large)))

        outcomes = await asyncio.gather(house.submit(MRI), house.submit(CT), return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [LimitExceededError] * 2
        assert "1 uploads" in str(outcomes[1])
        assert await house.settled() == EMPTY_HANDED


async def test_an_upload_that_stands_still_is_given_up() -> None:
    async def stalled() -> AsyncIterator[UploadPart]:
        yield await anext(parts())
        await asyncio.Event().wait()

    async with housed(settings=Settings(upload_idle_s=30)) as house:
        assert "for 30 s" in str(await refused(house, stalled()))


async def test_an_owner_that_reaches_its_limit_is_refused_early() -> None:
    limits = Limits(max_experiments_per_owner=1)
    async with housed(settings=Settings(limits=limits)) as house:
        await house.submit(MRI)

        with pytest.raises(LimitExceededError):
            await house.submit(CT)
        await house.director.remove(caller(), MRI)
        await house.submit(CT)

        assert house.status(CT) is Status.IN_PROGRESS


async def test_experiments_beyond_the_limit_wait_for_their_turn() -> None:
    limits = Limits(max_running_experiments=1)
    async with housed(settings=Settings(limits=limits)) as house:
        await house.submit(MRI)
        await house.submit(CT)
        assert house.status(CT) is Status.PENDING
        with pytest.raises(UnknownExperimentError):
            await house.download(CT)

        await house.fail(MRI)

        assert house.status(CT) is Status.IN_PROGRESS
        assert await house.download(CT) != b""


async def silent() -> AsyncIterator[UploadPart]:
    await asyncio.Event().wait()
    yield await anext(parts())


async def dripping(*, every_s: float) -> AsyncIterator[UploadPart]:
    """Parts that bring nothing, for ever."""
    first = replace(await anext(parts("drip")), chunk=b"", tensors=())
    while True:
        yield first
        await asyncio.sleep(every_s)


async def test_uploads_that_say_nothing_keep_nobody_from_uploading() -> None:
    limits = Limits(max_uploads=2, max_uploads_per_owner=2)
    async with housed(settings=Settings(limits=limits)) as house:
        mute = [asyncio.create_task(house.director.submit(caller(), silent())) for _ in range(9)]
        await asyncio.sleep(1)

        await house.submit(owner="bob")

        assert house.status(owner="bob") is Status.IN_PROGRESS
        ends = await asyncio.gather(*mute, return_exceptions=True)
        assert {type(end) for end in ends} == {InvalidUploadError}


async def test_one_owner_cannot_take_every_place_for_uploads() -> None:
    limits = Limits(max_uploads=3, max_uploads_per_owner=2)
    async with housed(settings=Settings(limits=limits)) as house:
        held = [
            asyncio.create_task(house.director.submit(caller(), dripping(every_s=10)))
            for _ in range(2)
        ]
        await asyncio.sleep(1)

        with pytest.raises(LimitExceededError) as refused:
            await house.submit(MRI)
        await house.submit(CT, owner="bob")

        assert "2 of your uploads" in str(refused.value)
        assert house.status(CT, owner="bob") is Status.IN_PROGRESS
        await asyncio.gather(*held, return_exceptions=True)
        assert house.director.held()["uploads"] == 0


async def test_an_upload_that_only_keeps_itself_alive_is_given_up() -> None:
    settings = Settings(upload_idle_s=30)
    async with housed(settings=settings) as house:
        began_s = asyncio.get_running_loop().time()

        refusal = await refused(house, dripping(every_s=7))

        assert isinstance(refusal, InvalidUploadError)
        assert "for 30 s" in str(refusal)
        assert asyncio.get_running_loop().time() - began_s < 40


async def test_an_upload_over_a_slow_line_is_taken_however_long_it_takes() -> None:
    async def slow(*, bytes_per_s: int) -> AsyncIterator[UploadPart]:
        async for part in parts(archive=with_plan(noise=Random(1).randbytes(5_000))):
            await asyncio.sleep(len(part.chunk) / bytes_per_s)
            yield part

    settings = Settings(upload_idle_s=2, min_upload_bytes_per_s=90)
    async with housed(settings=settings) as house:
        await house.director.submit(caller(), slow(bytes_per_s=100))

        assert house.status() is Status.IN_PROGRESS
