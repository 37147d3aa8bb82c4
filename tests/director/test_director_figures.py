"""What a Director counts of itself while its federation lives."""

import asyncio
from typing import Any

import pytest

from director.core.lifecycle import Status
from director.errors import UnavailableError
from director.interface import Measured
from director.storage import MemoryJournal
from tests.director.house import CT, MRI, caller, housed, shard


class Moody(MemoryJournal):
    """A journal that takes its time, and may be full."""

    is_full = False

    async def append(self, *arguments: Any) -> int:
        await asyncio.sleep(0.25)
        if self.is_full:
            raise UnavailableError("the disk is full")
        return await super().append(*arguments)


async def test_envoys_and_experiments_are_counted_as_they_are_now() -> None:
    async with housed(envoy_health_check_period=10) as house:
        await house.register("a", "b")
        await house.submit(MRI, "a")
        await house.submit(CT, "b")
        await house.wait("a")
        await house.fail(MRI, "a")

        before = house.director.figures()
        await asyncio.sleep(19)
        await house.register("b")
        await asyncio.sleep(2)
        after = house.director.figures()

    assert (before.envoys, before.envoys_online) == (2, 2)
    assert (after.envoys, after.envoys_online) == (2, 1)
    assert before.experiments == {
        Status.PENDING: 0,
        Status.IN_PROGRESS: 1,
        Status.FINISHED: 0,
        Status.FAILED: 1,
        Status.REJECTED: 0,
    }


async def test_rounds_and_refused_reports_are_counted() -> None:
    async with housed() as house:
        await house.register("a")
        await house.submit(MRI, "a")
        await house.wait("a")
        await house.fail(MRI, "eve")
        await house.work_to_the_end(await house.join(MRI, "a"))
        await house.fail(MRI, "a")

        figures = house.director.figures()

    assert figures.rounds_closed == 3
    assert figures.refused_failure_reports == 2


async def test_a_slow_and_a_full_journal_are_seen() -> None:
    journal = Moody()
    async with housed(journal=journal) as house:
        await house.register("a")
        journal.is_full = True
        with pytest.raises(UnavailableError):
            await house.director.report_shard(caller("b"), shard("b"))

        figures = house.director.figures()

    assert figures.journal_seconds.count == 1
    assert figures.journal_seconds.total == 0.25
    assert figures.journal_failures == 1
    assert isinstance(house.director, Measured)
