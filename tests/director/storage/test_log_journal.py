"""The journal on a disk in memory: torn ends are cut, damage is named, failures leave no trace."""

import asyncio
import errno
import logging
from functools import partial

import pytest

from director.core.snapshots import Snapshot
from director.offload import inline
from director.storage import DamagedStateError, DiskFailedError, NoRoomError
from director.storage.log_journal import LogJournal
from director.storage.memory_disk import Kind, MemoryDisk, Operation, Survival
from director.storage.memory_folder import MemoryFolder
from tests.director.storage.records import finished


def opened(disk: MemoryDisk) -> LogJournal:
    return LogJournal(MemoryFolder(disk, "journal"), offload=inline)


async def given_kept(disk: MemoryDisk, events: int) -> LogJournal:
    journal = opened(disk)
    for number in range(1, events + 1):
        await journal.append(finished(number), float(number))
    return journal


def replayed(disk: MemoryDisk) -> list[object]:
    return [entry.record for entry in opened(disk).replay()]


async def test_many_events_share_one_sync() -> None:
    disk, syncs = MemoryDisk(), list[Operation]()
    journal = opened(disk)
    disk.watch(lambda change: syncs.append(change) if change.kind is Kind.SYNC_FILE else None)

    await asyncio.gather(*(journal.append(finished(number), 1.0) for number in range(100)))

    assert len({change.number for change in syncs}) == 1


async def test_a_torn_end_is_cut_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    disk = MemoryDisk()
    await given_kept(disk, 3)
    length = MemoryFolder(disk, "journal").size_of("journal")
    disk.truncate("journal", "journal", length - 5)

    journal = opened(disk)

    assert "end is torn, and is cut" in caplog.text
    assert "after position 2" in caplog.text
    assert [entry.record for entry in journal.replay()] == [finished(1), finished(2)]
    assert await journal.append(finished(9), 9.0) == 3
    assert replayed(disk) == [finished(1), finished(2), finished(9)]


async def test_damage_before_the_end_stops_the_start_and_is_named() -> None:
    disk = MemoryDisk()
    await given_kept(disk, 3)
    disk.spoil("journal", "journal", 30)

    with pytest.raises(DamagedStateError, match="damaged at byte 0"):
        opened(disk)


async def test_a_damaged_snapshot_stops_the_start_though_nothing_follows_it() -> None:
    disk = MemoryDisk()
    journal = await given_kept(disk, 3)
    await journal.compact(Snapshot(submissions=1, running_limit=1), 9.0, position=3)
    disk.spoil("journal", "journal", 40)

    with pytest.raises(DamagedStateError, match="damaged at byte 0"):
        opened(disk)


async def test_missing_records_stop_the_start_and_are_named() -> None:
    disk = MemoryDisk()
    journal = await given_kept(disk, 3)
    with MemoryFolder(disk, "journal").open("journal") as file:
        lines = file.read().splitlines(keepends=True)
    await journal.close()
    folder = MemoryFolder(disk, "journal")
    folder.remove("journal")
    with folder.create("journal") as file:
        file.write(lines[0] + lines[2])

    with pytest.raises(DamagedStateError, match="records 2 to 2 are missing"):
        opened(disk)


@pytest.mark.parametrize(
    ("code", "refusal"), [(errno.ENOSPC, NoRoomError), (errno.EIO, DiskFailedError)]
)
@pytest.mark.parametrize("kind", [Kind.WRITE, Kind.SYNC_FILE])
async def test_an_append_that_fails_leaves_nothing_and_the_next_one_goes_well(
    kind: Kind, code: int, refusal: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    disk = MemoryDisk()
    journal = await given_kept(disk, 1)

    def fail(operation: Operation) -> None:
        if operation.kind is kind and not operation.is_done:
            raise OSError(code, "as it happens")

    with caplog.at_level(logging.CRITICAL, logger="director.storage.log_journal"):
        stop = disk.watch(fail)
        for _ in range(2):
            with pytest.raises(refusal):
                await journal.append(finished(2), 2.0)
        stop()

    assert await journal.append(finished(3), 3.0) == 2
    assert replayed(disk) == [finished(1), finished(3)]


def crash(disk: MemoryDisk, at: tuple[int, bool], operation: Operation) -> None:
    if (operation.number, operation.is_done) == at:
        disk.crash()


@pytest.mark.parametrize("survival", list(Survival))
@pytest.mark.parametrize("is_done", [False, True])
async def test_a_crash_at_any_operation_of_a_compaction_loses_nothing(
    survival: Survival, *, is_done: bool
) -> None:
    snapshot = Snapshot(submissions=2, running_limit=3)
    for nth in range(1, 100):
        disk = MemoryDisk()
        journal = await given_kept(disk, 3)
        begun = disk.operations

        disk.watch(partial(crash, disk, (begun + nth, is_done)))
        refusals = await asyncio.gather(
            journal.compact(snapshot, 9.0, position=2),
            journal.append(finished(4), 4.0),
            return_exceptions=True,
        )
        if not disk.is_down:
            assert nth > 4
            return
        disk.revive(survival)
        left = replayed(disk)
        assert left[:2] in ([finished(1), finished(2)], [snapshot, finished(3)])
        assert finished(3) in left
        if not isinstance(refusals[1], BaseException):
            assert left[-1] == finished(4)
    pytest.fail("there is no end to a compaction")
