"""A Director that is started while its disk refuses serves what it knows, and goes on by itself."""

import asyncio
from typing import Any

import pytest

from director.core.events import RunningLimitSet
from director.core.lifecycle import Status
from director.settings import Limits, Settings
from director.storage import NoRoomError
from director.storage.memory_disk import MemoryDisk, Survival
from director.storage.memory_state import memory_state
from tests.director.house import MRI, caller, housed, shard

PATIENCE_S = 200.0
"""By then whatever was refused has been tried again."""
OTHERS = Settings(limits=Limits(max_running_experiments=5))


async def given_killed(disk: MemoryDisk) -> dict[str, Any]:
    """A Director that was killed while an experiment ran; there is no room any more."""
    state = memory_state(disk)
    async with housed(journal=state.journal, archives=state.archives) as house:
        await house.register("a")
        await house.submit()
        await house.work(await house.join())
        disk.crash()
        await house.director.abandon()
    disk.revive(Survival.SYNCED)
    left = memory_state(disk)
    disk.capacity_bytes = disk.used_bytes
    return {"journal": left.journal, "archives": left.archives}


async def test_reads_are_served_although_nothing_can_be_written_down() -> None:
    disk = MemoryDisk()
    left = await given_killed(disk)

    async with asyncio.timeout(PATIENCE_S), housed(**left, settings=OTHERS) as house:
        assert house.status() is Status.IN_PROGRESS
        assert [view.is_online for view in house.director.envoys(caller())] == [True]
        assert house.director.describe(caller(), MRI).has_last_model
        with pytest.raises(NoRoomError):
            await house.director.report_shard(caller("b"), shard("b"))


async def test_what_was_under_way_goes_on_once_there_is_room() -> None:
    disk = MemoryDisk()
    left = await given_killed(disk)

    async with housed(**left, settings=OTHERS) as house:
        waiting = asyncio.ensure_future(house.download())
        await asyncio.sleep(PATIENCE_S)
        assert not waiting.done()
        disk.capacity_bytes = None
        await asyncio.sleep(PATIENCE_S)

        assert await waiting
        await house.work_to_the_end(await house.join())
        assert house.status() is Status.FINISHED
        records = [entry.record for entry in left["journal"].replay()]
        assert [record.limit for record in records if isinstance(record, RunningLimitSet)] == [5]
