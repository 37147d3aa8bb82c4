"""A copy of a journal that is written meanwhile is a moment's state, and none too early."""

import asyncio
from pathlib import Path

import pytest

from director.core.snapshots import Snapshot
from director.storage import DamagedStateError
from director.storage.journal_copy import copy_journal
from director.storage.sqlite import SqliteJournal
from tests.director.storage.records import finished

pytestmark = pytest.mark.wire

COPIES = 60


async def write_on(journal: SqliteJournal, kept: list[int]) -> None:
    """Append, and now and then gather up, so that the log is begun anew all the time."""
    for number in range(1, 1_000_000):
        kept.append(await journal.append(finished(number), float(number)))
        if number % 7 == 0:
            snapshot = Snapshot(submissions=number, running_limit=1)
            await journal.compact(snapshot, 0.0, position=kept[-1])


def last_in(path: Path) -> int:
    """Replay all of it, which must be whole, and return the last position."""
    journal = SqliteJournal(path)
    try:
        return [entry.position for entry in journal.replay()][-1]
    finally:
        journal.release()


@pytest.mark.slow
async def test_a_copy_holds_all_that_was_kept_when_it_was_begun(tmp_path: Path) -> None:
    journal, kept = SqliteJournal(tmp_path / "journal"), [0]
    writing = asyncio.create_task(write_on(journal, kept))
    await asyncio.sleep(0.1)

    for number in range(COPIES):
        before, copy = kept[-1], tmp_path / f"copy-{number}"
        await asyncio.to_thread(copy_journal, tmp_path / "journal", copy)

        assert before <= await asyncio.to_thread(last_in, copy)

    assert not writing.done()
    writing.cancel()
    await asyncio.wait([writing])
    await journal.close()


async def test_a_log_that_is_damaged_is_not_taken_for_one_that_is_being_written(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path / "journal")
    for number in range(1, 4):
        await journal.append(finished(number), float(number))
    log = tmp_path / "journal-wal"
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)

    with pytest.raises(DamagedStateError, match="is damaged in frame"):
        copy_journal(tmp_path / "journal", tmp_path / "copy")

    await journal.close()
