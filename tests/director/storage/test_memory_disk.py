"""A disk that can be crashed: what was synced is there again, and nothing else need be."""

import errno

import pytest

from director.storage.memory_disk import Kind, MemoryDisk, Operation, Survival
from director.storage.memory_folder import MemoryFolder


def given_file(disk: MemoryDisk, *, synced: bytes = b"", unsynced: bytes = b"") -> MemoryFolder:
    folder = MemoryFolder(disk, "f")
    with folder.create("x") as file:
        file.write(synced)
        folder.sync_file(file)
        folder.sync()
        file.write(unsynced)
    return folder


def content(disk: MemoryDisk, name: str = "x") -> bytes:
    with MemoryFolder(disk, "f").open(name) as file:
        return file.read()


@pytest.mark.parametrize(
    ("survival", "left"),
    [
        (Survival.SYNCED, b"safe"),
        (Survival.WRITTEN, b"safe and sound"),
        (Survival.TORN, b"safe and s"[:9]),
    ],
)
def test_what_a_crash_leaves_is_chosen(survival: Survival, left: bytes) -> None:
    disk = MemoryDisk()
    given_file(disk, synced=b"safe", unsynced=b" and sound")

    disk.crash()
    disk.revive(survival)

    assert content(disk) == left


@pytest.mark.parametrize(
    ("survival", "left"),
    [(Survival.SYNCED, b"safe"), (Survival.WRITTEN, b"sanded"), (Survival.TORN, b"sande")],
)
def test_what_was_synced_survives_being_overwritten(survival: Survival, left: bytes) -> None:
    disk = MemoryDisk()
    folder = given_file(disk, synced=b"safe")

    with folder.reopen("x") as file:
        file.seek(2)
        file.write(b"nded")
    disk.crash()
    disk.revive(survival)

    assert content(disk) == left


def test_what_was_synced_survives_being_cut_off_and_then_synced_again() -> None:
    disk = MemoryDisk()
    folder = given_file(disk, synced=b"safe and sound")

    with folder.reopen("x") as file:
        file.truncate(4)
        folder.sync_file(file)
        file.truncate(2)
    disk.crash()
    disk.revive()

    assert content(disk) == b"safe"


def test_a_name_survives_only_once_its_folder_was_synced() -> None:
    disk = MemoryDisk()
    folder = given_file(disk, synced=b"content")
    folder.replace("x", "y")
    with folder.create("z") as file:
        file.write(b"never synced")
        folder.sync_file(file)

    disk.crash()
    disk.revive()

    assert MemoryFolder(disk, "f").names() == ["x"]


def test_a_disk_that_is_down_does_nothing_and_whoever_knew_it_is_dead() -> None:
    disk = MemoryDisk()
    folder = given_file(disk, synced=b"content")
    disk.crash()

    with pytest.raises(OSError, match="gone"):
        folder.names()
    with pytest.raises(OSError, match="gone"):
        folder.remove("x")
    disk.revive()

    with pytest.raises(OSError, match="gone"):
        folder.names()
    assert content(disk) == b"content"


def test_everybody_who_watches_is_told_of_every_change_before_and_after_it() -> None:
    disk, seen = MemoryDisk(), list[Operation]()
    stop = disk.watch(seen.append)

    folder = given_file(disk, synced=b"content")
    folder.replace("x", "y")
    folder.remove("y")
    stop()
    folder.create("unwatched").close()

    kinds = [(operation.kind, operation.is_done) for operation in seen]
    expected = [Kind.CREATE, Kind.WRITE, Kind.SYNC_FILE, Kind.SYNC, Kind.REPLACE, Kind.REMOVE]
    assert kinds == [(kind, is_done) for kind in expected for is_done in (False, True)]
    assert [operation.number for operation in seen[::2]] == [1, 2, 3, 4, 5, 6]
    assert seen[0].path == "f/x"
    assert disk.operations == 7


def test_a_watcher_can_make_an_operation_fail() -> None:
    disk = MemoryDisk()
    folder = given_file(disk, synced=b"content")

    def fail(operation: Operation) -> None:
        if operation.kind is Kind.REMOVE and not operation.is_done:
            raise OSError(errno.EIO, "input/output error")

    disk.watch(fail)

    with pytest.raises(OSError, match="input/output"):
        folder.remove("x")
    assert folder.names() == ["x"]


def test_a_full_disk_takes_no_more_until_there_is_room() -> None:
    disk = MemoryDisk()
    folder = given_file(disk, synced=b"12345678")
    disk.capacity_bytes = 10
    file = folder.reopen("x")
    file.seek(8)
    file.write(b"999")

    with pytest.raises(OSError, match="no space") as full:
        file.flush()
    disk.capacity_bytes = 20
    file.flush()

    assert full.value.errno == errno.ENOSPC
    assert content(disk) == b"12345678999"


def test_files_are_files() -> None:
    disk = MemoryDisk()
    folder = MemoryFolder(disk, "f")

    with folder.create("x") as file:
        file.write(b"0123456789")
        file.seek(3)
        file.write(b"...")
        file.seek(-1, 2)
        assert file.read() == b"9"
        assert file.tell() == 10
        file.truncate(4)
        folder.sync_file(file)
        assert folder.read_at(file, 2, 100) == b"2."
        file.truncate(6)

    assert content(disk) == b"012.\0\0"
    assert folder.size_of("x") == 6
    with pytest.raises(FileExistsError):
        folder.create("x")
    with pytest.raises(FileNotFoundError):
        folder.open("y")
