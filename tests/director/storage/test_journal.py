"""What every kind of journal promises; one suite for all of them."""

import asyncio
from pathlib import Path

import pytest

from director.core.snapshots import Snapshot
from director.storage import Entry, Journal, MemoryJournal
from director.storage.sqlite import SqliteJournal
from tests.director.storage.records import EVENTS, finished


@pytest.fixture(params=["memory", pytest.param("sqlite", marks=pytest.mark.wire)])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return MemoryJournal() if request.param == "memory" else SqliteJournal(tmp_path / "journal")


def again(journal: Journal, tmp_path: Path) -> Journal:
    """The same journal, as another process finds it."""
    return journal if isinstance(journal, MemoryJournal) else SqliteJournal(tmp_path / "journal")


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


async def test_closing_forgets_nothing(journal: Journal, tmp_path: Path) -> None:
    position = await journal.append(EVENTS[0], 1.0)

    await journal.close()

    assert list(again(journal, tmp_path).replay()) == [Entry(position, 1.0, EVENTS[0])]
