"""A Director that is abandoned: what is left of it is what a killed process would leave."""

import asyncio
from copy import deepcopy
from typing import Any

from director.core.lifecycle import Status
from director.core.model import EnvoyName
from director.director import Director
from director.offload import inline
from director.shell.tasks import Tasks
from director.storage import MemoryJournal
from tests.director.house import CT, MRI, LoopClock, caller, housed

SLOW_S = 5.0


class SlowJournal(MemoryJournal):
    """Takes its time to keep an event."""

    async def append(self, *record: Any) -> int:
        await asyncio.sleep(SLOW_S)
        return await super().append(*record)


async def test_an_abandoned_director_runs_nothing_any_more() -> None:
    async with housed() as house:
        await house.register("a")
        await house.submit()
        await house.work(await house.join())

        await house.director.abandon()

        assert house.director.held()["tasks"] == 0
        assert house.status() is Status.IN_PROGRESS


async def test_an_abandoned_director_writes_nothing_down() -> None:
    async with housed(journal=SlowJournal()) as house:
        upload = asyncio.ensure_future(house.submit())
        await asyncio.sleep(SLOW_S / 2)

        await house.director.abandon()
        await asyncio.gather(upload, return_exceptions=True)
        await asyncio.sleep(2 * SLOW_S)

        assert list(house.journal.replay()) == []
        assert house.director.held()["tasks"] == 0


async def test_what_an_abandoned_director_had_written_down_the_next_one_knows() -> None:
    async with housed() as house:
        await house.register("a")
        await house.submit(MRI)
        journal, archives = deepcopy((house.journal, house.archives))
        await house.submit(CT)
        await house.director.abandon()

    heir = Director(journal=journal, archives=archives, clock=LoopClock(), offload=inline)
    heir.announce("director", 50051)
    await heir.start()

    assert [view.name for view in heir.experiments(caller())] == [MRI]
    assert [view.shard.envoy for view in heir.envoys(caller())] == [EnvoyName("a")]
    await heir.close()


async def test_work_that_is_begun_after_the_end_ends_at_once() -> None:
    tasks = Tasks()
    await tasks.abandon()

    late = tasks.start(asyncio.sleep(SLOW_S), name="late")
    await asyncio.wait([late])

    assert late.cancelled()
    assert len(tasks) == 0
