"""Blobs as files: what rots is not handed out, and what was not finished is cleared away."""

import asyncio
import errno
import threading
from pathlib import Path

import pytest

from director.core.model import BlobId
from director.offload import inline
from director.storage import DamagedBlobError, DiskFailedError
from director.storage.files import FileArchives
from director.storage.folders import DiskFolder


async def stored(archives: FileArchives, content: bytes) -> BlobId:
    async with archives.writer() as writer:
        await writer.write(content)
        return await writer.commit()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_blob_is_there_for_the_next_process(tmp_path: Path) -> None:
    blob = await stored(FileArchives(DiskFolder(tmp_path), offload=inline), b"content")

    again = FileArchives(DiskFolder(tmp_path), offload=inline)

    assert again.list() == {blob: 1}
    with again.open(blob) as file:
        assert file.read() == b"content"


async def test_what_a_crash_left_unfinished_is_cleared_away(tmp_path: Path) -> None:
    archives = FileArchives(DiskFolder(tmp_path), offload=inline)
    leftover = tmp_path / "unfinished-7"
    leftover.write_bytes(b"half")

    FileArchives(DiskFolder(tmp_path), offload=inline)

    assert not leftover.exists()
    assert archives.list() == {}


async def test_an_upload_that_is_given_up_leaves_no_file(tmp_path: Path) -> None:
    archives = FileArchives(DiskFolder(tmp_path), offload=inline)

    async with archives.writer() as writer:
        await writer.write(b"never finished")

    assert files_in(tmp_path) == []


async def test_what_has_rotted_is_refused(tmp_path: Path) -> None:
    archives = FileArchives(DiskFolder(tmp_path), offload=inline)
    blob = await stored(archives, b"content")
    (tmp_path / blob).write_bytes(b"c0ntent")

    reader = archives.reader(blob)
    with pytest.raises(DamagedBlobError):
        await reader.read_at(0, 7)
    reader.close()
    with pytest.raises(DamagedBlobError):
        archives.open(blob)


async def test_a_blob_that_is_deleted_leaves_no_file(tmp_path: Path) -> None:
    archives = FileArchives(DiskFolder(tmp_path), offload=inline)
    blob = await stored(archives, b"content")

    await archives.delete(blob)

    assert files_in(tmp_path) == []


class CountingFolder(DiskFolder):
    """Counts how often it is synced, and fails where it is told to."""

    syncs = 0
    is_broken = False

    def sync(self) -> None:
        self.syncs += 1
        if self.is_broken:
            raise OSError(errno.EIO, "input/output error")
        super().sync()


class SlowFolder(CountingFolder):
    """Takes so long to be synced that everybody else has come meanwhile."""

    def __init__(self, path: Path, *, names: int) -> None:
        super().__init__(path)
        self._missing = names
        self._all_there = threading.Event()

    def replace(self, name: str, new_name: str) -> None:
        super().replace(name, new_name)
        self._missing -= 1
        if not self._missing:
            self._all_there.set()

    def sync(self) -> None:
        assert self._all_there.wait(timeout=10)
        super().sync()


@pytest.mark.wire
async def test_names_that_come_while_the_folder_is_synced_share_the_next_time(
    tmp_path: Path,
) -> None:
    folder = SlowFolder(tmp_path, names=20)
    archives = FileArchives(folder)

    blobs = await asyncio.gather(*(stored(archives, b"%d" % number) for number in range(20)))

    assert folder.syncs == 2
    assert set(archives.list()) == set(blobs)


async def test_names_that_cannot_be_synced_are_taken_back(tmp_path: Path) -> None:
    folder = CountingFolder(tmp_path)
    archives = FileArchives(folder, offload=inline)
    before = await stored(archives, b"content 0")
    folder.is_broken = True

    refused = await asyncio.gather(
        *(stored(archives, b"content %d" % number) for number in range(5)), return_exceptions=True
    )

    assert [type(refusal) for refusal in refused] == [DiskFailedError] * 5
    assert archives.list() == {before: 1}
    assert files_in(tmp_path) == [tmp_path / before]


async def test_a_large_blob_is_whole_although_the_disk_begins_before_its_end(
    tmp_path: Path,
) -> None:
    archives = FileArchives(DiskFolder(tmp_path), offload=inline)
    pieces = [bytes([number]) * 3 * 2**20 for number in range(7)]

    async with archives.writer() as writer:
        for piece in pieces:
            await writer.write(piece)
        blob = await writer.commit()

    with archives.open(blob) as file:
        assert file.read() == b"".join(pieces)
