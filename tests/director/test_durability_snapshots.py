"""Long journals are gathered up into snapshots, and nobody waits for that."""

import asyncio

import numpy as np
import pytest

from director.core.lifecycle import Status
from director.core.model import Shard
from director.core.snapshots import Snapshot
from director.shell import backlog
from director.storage import MemoryJournal
from tests.director.durable import Storage, model
from tests.director.house import A, caller, housed


async def test_a_long_journal_is_gathered_up_while_the_director_runs(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "_MANY", 20)
    async with housed(**storage) as house:
        await house.submit()
        for _ in range(5):
            await house.register(*(f"e{number}" for number in range(10)))
        await house.settled()

        kept = list(storage["journal"].replay())
        assert isinstance(kept[0].record, Snapshot)
        assert len(kept) <= 21
        before = house.director.envoys(caller())
        await house.director.abandon()

    async with housed(**storage) as house:
        assert house.director.envoys(caller()) == before
        assert house.status() is Status.IN_PROGRESS


async def test_a_journal_of_few_large_events_is_gathered_up_too(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "_MANY_BYTES", 500_000)
    long = Shard(envoy=A, description="x" * 60_000, sample_shape=("1",), target_shape=("1",))
    async with housed(**storage) as house:
        for _ in range(20):
            assert await house.director.report_shard(caller("a"), long)
        await house.settled()

        kept = list(storage["journal"].replay())
        assert isinstance(kept[0].record, Snapshot)
        assert storage["journal"].size.events_bytes < 500_000


class CountingJournal(MemoryJournal):
    compactions = 0

    async def compact(self, snapshot: Snapshot, now: float, *, position: int) -> None:
        self.compactions += 1
        await super().compact(snapshot, now, position=position)


async def test_many_who_come_back_at_once_are_gathered_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "_MANY", 20)
    journal = CountingJournal()
    async with housed(journal=journal) as house:
        await asyncio.gather(*(house.register(f"e{number}") for number in range(30)))
        await house.settled()

        assert journal.compactions == 1


async def test_a_start_gathers_up_what_it_had_to_replay(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register(*(["a"] * 150))
        await house.director.abandon()
        assert len(list(storage["journal"].replay())) == 150

    async with housed(**storage) as house:
        await house.settled()
        [entry] = storage["journal"].replay()
        assert isinstance(entry.record, Snapshot)
        assert [view.shard.envoy for view in house.director.envoys(caller())] == ["a"]


async def test_models_are_the_same_bits_after_a_snapshot(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit()
        address = await house.join()
        await house.work(address, add=0.1)
        before = np.array(await model(house), np.float32).tobytes()

    async with housed(**storage) as house:
        await house.settled()
        assert isinstance(next(iter(storage["journal"].replay())).record, Snapshot)
        assert np.array(await model(house), np.float32).tobytes() == before
        await house.work_to_the_end(address)
        assert house.status() is Status.FINISHED
