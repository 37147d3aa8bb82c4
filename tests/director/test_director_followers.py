"""Followers of an experiment that has ended: as many as of one that runs, and all from one copy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from typing_extensions import override

from director.core.model import BlobId, Metric
from director.errors import LimitExceededError
from director.settings import Limits, Settings
from director.storage import BlobReader, MemoryArchives
from tests.director.house import MRI, House, caller, housed

SETTINGS = Settings(limits=Limits(max_streams_per_experiment=2))


class CountingArchives(MemoryArchives):
    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    @override
    def reader(self, blob: BlobId) -> BlobReader:
        self.reads += 1
        return super().reader(blob)


@asynccontextmanager
async def ended(archives: MemoryArchives) -> AsyncIterator[House]:
    """An experiment that has ended, and whose metrics have been put away."""
    async with housed(archives=archives, settings=SETTINGS) as house:
        await house.submit()
        await house.work_to_the_end(await house.join())
        await house.settled()
        yield house


async def test_followers_of_an_ended_experiment_share_what_is_read() -> None:
    archives = CountingArchives()
    async with ended(archives) as house:
        before = archives.reads
        one, other = (house.director.metrics(caller(), MRI) for _ in range(2))

        first: list[Metric] = [await anext(one), await anext(other)]

        assert archives.reads == before + 1
        assert first[0] is first[1]
        assert house.director.held()["streams"] == 2
        rest = [metric async for metric in one]
        assert rest == [metric async for metric in other]
        assert house.director.held()["streams"] == 0
        assert await house.metrics() == [first[0], *rest]


async def test_an_ended_experiment_has_no_more_followers_than_one_that_runs() -> None:
    async with ended(MemoryArchives()) as house:
        held = [house.director.metrics(caller(), MRI) for _ in range(2)]
        for stream in held:
            await anext(stream)

        with pytest.raises(LimitExceededError, match="2 streams follow this experiment"):
            await house.metrics()
        await held[0].aclose()

        assert await house.metrics()
        await held[1].aclose()
