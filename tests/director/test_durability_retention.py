"""Ended experiments are kept until their owners remove them, unless the operator says otherwise."""

import asyncio

from director.core.events import Durable, ExperimentRemoved
from director.core.lifecycle import Status
from director.core.model import ExperimentName
from director.settings import Retention, Settings
from director.storage import MemoryJournal
from director.storage.memory_disk import MemoryDisk
from director.storage.memory_state import memory_state
from tests.director.house import CT, MRI, House, caller, housed

THIRD = ExperimentName("third")
DAY_S = 24 * 60 * 60.0


def names(house: House) -> list[str]:
    return [view.name for view in house.director.experiments(caller())]


async def ended(house: House, name: ExperimentName, *, add: float = 1.0) -> None:
    await house.submit(name)
    await house.work(await house.join(name), add=add)
    await house.fail(name)


async def test_everything_is_kept_by_default() -> None:
    async with housed() as house:
        await ended(house, MRI)

        await asyncio.sleep(1_000 * DAY_S)

        assert names(house) == [MRI]
        assert (await house.settled())["tasks"] == 0


async def test_what_ended_long_ago_is_removed_with_all_that_came_of_it() -> None:
    settings = Settings(retention=Retention(max_age_s=DAY_S))
    async with housed(settings=settings) as house:
        await ended(house, MRI)
        await asyncio.sleep(DAY_S / 2)
        await ended(house, CT)
        assert names(house) == [MRI, CT]

        await asyncio.sleep(DAY_S / 2 + 60)
        assert names(house) == [CT]
        await asyncio.sleep(DAY_S / 2)

        assert names(house) == []
        assert house.archives.list() == {}


async def test_what_ended_first_makes_room_for_the_rest() -> None:
    async with housed() as house:
        for number, name in enumerate((MRI, CT)):
            await ended(house, name, add=float(number + 1))
        await house.settled()
        two_bytes = sum(map(house.archives.size_of, house.archives.list()))

    settings = Settings(retention=Retention(max_bytes=two_bytes + 100))
    async with housed(settings=settings) as house:
        for number, name in enumerate((MRI, CT, THIRD)):
            await ended(house, name, add=float(number + 1))
        running = ExperimentName("running")
        await house.submit(running)
        assert names(house) == [MRI, CT, THIRD, running]

        await asyncio.sleep(120)

        # What runs is not touched, however large it is.
        assert running in names(house)
        assert MRI not in names(house)


async def test_a_restart_knows_when_an_experiment_ended() -> None:
    async with housed() as house:
        await ended(house, MRI)
        journal, archives = house.journal, house.archives

    settings = Settings(retention=Retention(max_age_s=DAY_S))
    async with housed(journal=journal, archives=archives, settings=settings) as house:
        assert names(house) == [MRI]
        await asyncio.sleep(DAY_S + 120)
        assert names(house) == []
        assert house.archives.list() == {}


async def test_what_cannot_be_removed_yet_is_removed_later() -> None:
    disk = MemoryDisk()
    state = memory_state(disk)
    settings = Settings(retention=Retention(max_age_s=DAY_S))
    async with housed(journal=state.journal, archives=state.archives, settings=settings) as house:
        await ended(house, MRI)
        disk.capacity_bytes = disk.used_bytes
        await asyncio.sleep(2 * DAY_S)
        assert names(house) == [MRI]

        disk.capacity_bytes = None
        await asyncio.sleep(120)

        assert names(house) == []


class SlowToRemove(MemoryJournal):
    """Takes its time to write down that one experiment is removed, and for nothing else."""

    def __init__(self, name: ExperimentName) -> None:
        super().__init__()
        self._name = name
        self.go_on = asyncio.Event()

    async def append(self, event: Durable, now: float) -> int:
        if isinstance(event, ExperimentRemoved) and event.name == self._name:
            await self.go_on.wait()
        return await super().append(event, now)


async def test_what_was_submitted_again_under_the_name_of_what_is_due_stays() -> None:
    journal = SlowToRemove(MRI)
    settings = Settings(retention=Retention(max_age_s=DAY_S))
    async with housed(journal=journal, settings=settings) as house:
        await ended(house, MRI)
        await ended(house, CT)
        await asyncio.sleep(DAY_S + 60)
        assert await house.director.remove(caller(), CT)
        await house.submit(CT)

        journal.go_on.set()
        await asyncio.sleep(120)

        assert names(house) == [CT]
        assert house.status(CT) is Status.IN_PROGRESS
        assert await house.download(CT)
