"""Blobs as files: what rots is not handed out, and what was not finished is cleared away."""

from pathlib import Path

import pytest

from director.core.model import BlobId
from director.offload import inline
from director.storage import DamagedBlobError
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
