"""What every kind of journal promises; one suite for all of them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from director.core.events import ShardReported
from director.core.model import EnvoyName, Shard
from director.core.snapshots import Snapshot
from director.storage import Entry, Journal, JournalSize, MemoryJournal
from director.storage.memory_disk import MemoryDisk
from director.storage.memory_state import memory_state
from director.storage.sqlite import SqliteJournal
from tests.director.storage.records import EVENTS, SNAPSHOT, finished

Open = Callable[[], Journal]

LARGE = ShardReported(shard=Shard(envoy=EnvoyName("a"), description="x" * 10_000))


def memory(_: Path) -> Open:
    journal = MemoryJournal()
    return lambda: journal


def sqlite(folder: Path) -> Open:
    return lambda: SqliteJournal(folder / "journal")


def memory_disk(_: Path) -> Open:
    disk = MemoryDisk()
    return lambda: memory_state(disk).journal


@pytest.fixture(params=[memory, pytest.param(sqlite, marks=pytest.mark.wire), memory_disk])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same journal anew each time, as the next Director does."""
    make: Callable[[Path], Open] = request.param
    return make(tmp_path)


@pytest.fixture
def journal(opened: Open) -> Journal:
    return opened()


def positions(journal: Journal) -> list[int]:
    return [entry.position for entry in journal.replay()]


async def test_events_are_replayed_as_they_were_kept(journal: Journal) -> None:
    kept = [await journal.append(event, number + 0.5) for number, event in enumerate(EVENTS)]

    assert list(journal.replay()) == [
        Entry(position, number + 0.5, event)
        for number, (position, event) in enumerate(zip(kept, EVENTS, strict=True))
    ]
    assert kept == list(range(kept[0], kept[0] + len(EVENTS)))
    assert kept[0] > 0


async def test_a_journal_knows_how_much_its_events_and_its_snapshot_take(opened: Open) -> None:
    journal = opened()
    assert journal.size == JournalSize(snapshot_bytes=0, events_bytes=0)

    first = await journal.append(EVENTS[0], 1.0)
    small = journal.size.events_bytes
    await journal.append(LARGE, 2.0)
    both = journal.size.events_bytes
    await journal.compact(SNAPSHOT, 3.0, position=first)

    assert 0 < small < 1_000
    assert both > small + len(LARGE.shard.description)
    assert journal.size.events_bytes == both - small
    await journal.close()
    assert opened().size == journal.size


async def test_appends_that_overlap_keep_the_order_of_their_calls(journal: Journal) -> None:
    done: list[int] = []

    async def append(number: int) -> None:
        done.append(await journal.append(finished(number), float(number)))

    await asyncio.gather(*(append(number) for number in range(20)))

    assert [entry.now for entry in journal.replay()] == [float(number) for number in range(20)]
    assert done == positions(journal)


async def test_a_snapshot_takes_the_place_of_all_that_it_stands_for(journal: Journal) -> None:
    kept = [await journal.append(finished(number), float(number)) for number in range(5)]
    snapshot = Snapshot(submissions=7, running_limit=2)

    await journal.compact(snapshot, 10.0, position=kept[2])

    assert list(journal.replay()) == [
        Entry(kept[2], 10.0, snapshot),
        Entry(kept[3], 3.0, finished(3)),
        Entry(kept[4], 4.0, finished(4)),
    ]
    assert await journal.append(finished(5), 11.0) == kept[4] + 1


async def test_events_may_follow_while_a_snapshot_is_kept(journal: Journal) -> None:
    before = await journal.append(finished(0), 0.0)
    snapshot = Snapshot(submissions=1, running_limit=1)

    _, *after = await asyncio.gather(
        journal.compact(snapshot, 1.0, position=before),
        *(journal.append(finished(number), 2.0) for number in range(1, 4)),
    )

    assert [entry.record for entry in journal.replay()] == [
        snapshot,
        *(finished(number) for number in range(1, 4)),
    ]
    assert positions(journal) == [before, *after]


async def test_a_snapshot_takes_the_place_of_another(journal: Journal) -> None:
    first, second = (Snapshot(submissions=number, running_limit=1) for number in (1, 2))
    position = await journal.append(finished(0), 0.0)
    await journal.compact(first, 1.0, position=position)
    assert await journal.append(finished(1), 2.0) == position + 1

    await journal.compact(second, 3.0, position=position + 1)

    assert list(journal.replay()) == [Entry(position + 1, 3.0, second)]


async def test_closing_forgets_nothing(opened: Open) -> None:
    journal = opened()
    position = await journal.append(EVENTS[0], 1.0)

    await journal.close()

    assert list(opened().replay()) == [Entry(position, 1.0, EVENTS[0])]


async def test_the_next_one_goes_on_where_the_last_one_stopped(opened: Open) -> None:
    first = opened()
    position = await first.append(finished(1), 1.0)
    await first.compact(SNAPSHOT, 2.0, position=position)
    await first.close()

    second = opened()
    assert await second.append(finished(2), 3.0) == position + 1
    await second.close()

    assert [entry.record for entry in opened().replay()] == [SNAPSHOT, finished(2)]
