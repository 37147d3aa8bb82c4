"""What every kind of archives promises; one suite for all of them."""

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest

from director.core.model import BlobId
from director.offload import inline
from director.storage import Archives, MemoryArchives, MissingBlobError
from director.storage.files import FileArchives
from director.storage.folders import DiskFolder
from director.storage.memory_disk import MemoryDisk
from director.storage.memory_state import memory_state
from tests.director.interruptions import interrupted


@pytest.fixture(params=["memory", "files", "memory disk"])
def archives(request: pytest.FixtureRequest, tmp_path: Path) -> Archives:
    match request.param:
        case "memory":
            return MemoryArchives()
        case "files":
            return FileArchives(DiskFolder(tmp_path / "blobs"), offload=inline)
        case _:
            return memory_state(MemoryDisk()).archives


async def stored(archives: Archives, *chunks: bytes) -> BlobId:
    async with archives.writer() as writer:
        for chunk in chunks:
            await writer.write(chunk)
        return await writer.commit()


async def test_a_blob_is_named_by_its_content(archives: Archives) -> None:
    blob = await stored(archives, b"one ", b"two")

    assert blob == hashlib.sha256(b"one two").hexdigest()
    assert archives.list() == {blob: 1}


async def test_a_blob_can_be_read_in_pieces(archives: Archives) -> None:
    blob = await stored(archives, b"one ", b"two")

    reader = archives.reader(blob)

    assert reader.size_bytes == 7
    pieces = [await reader.read_at(offset, 3) for offset in (0, 3, 6, 9)]
    assert pieces == [b"one", b" tw", b"o", b""]
    reader.close()
    reader.close()


async def test_a_blob_can_be_read_as_a_file(archives: Archives) -> None:
    blob = await stored(archives, b"one ", b"two")

    with archives.open(blob) as file:
        file.seek(4)
        assert file.read() == b"two"


async def test_a_blob_can_be_written_as_a_file(archives: Archives) -> None:
    async with archives.writer() as writer:
        writer.file.write(b"one ....")
        writer.file.seek(4)
        writer.file.write(b"two")
        writer.file.truncate()
        blob = await writer.commit()

    with archives.open(blob) as file:
        assert file.read() == b"one two"
    assert blob == hashlib.sha256(b"one two").hexdigest()


async def test_a_blob_that_is_kept_nowhere_is_there_for_its_reader(archives: Archives) -> None:
    async with archives.writer() as writer:
        writer.file.write(b"only for me")
        reader = await writer.keep_nowhere()

    assert archives.list() == {}
    assert reader.size_bytes == 11
    assert await reader.read_at(5, 100) == b"for me"
    reader.close()


async def test_a_blob_tells_its_size(archives: Archives) -> None:
    blob = await stored(archives, b"one ", b"two")

    assert archives.size_of(blob) == 7
    assert archives.size_of(BlobId("0" * 64)) == 0


async def test_what_is_not_committed_leaves_nothing(archives: Archives) -> None:
    async with archives.writer() as writer:
        await writer.write(b"half")
    with suppress(LookupError):
        async with archives.writer() as writer:
            await writer.write(b"half")
            raise LookupError

    assert archives.list() == {}


async def test_equal_blobs_do_not_delete_each_other(archives: Archives) -> None:
    first = await stored(archives, b"same")
    second = await stored(archives, b"sa", b"me")
    assert archives.list() == {first: 2}

    await archives.delete(first)
    with archives.open(second) as file:
        assert file.read() == b"same"
    await archives.delete(second)

    assert archives.list() == {}


async def test_what_is_not_there_cannot_be_read_and_may_be_deleted(archives: Archives) -> None:
    await archives.delete(BlobId("0" * 64))

    with pytest.raises(MissingBlobError):
        archives.reader(BlobId("0" * 64))
    with pytest.raises(MissingBlobError):
        archives.open(BlobId("../../etc/passwd"))


async def test_an_open_blob_can_be_read_on_after_it_is_deleted(archives: Archives) -> None:
    blob = await stored(archives, b"still here")
    reader = archives.reader(blob)

    with archives.open(blob) as file:
        await archives.delete(blob)
        assert file.read() == await reader.read_at(0, 100) == b"still here"

    reader.close()


async def test_only_what_is_needed_is_kept_and_as_often_as_it_is_needed(archives: Archives) -> None:
    orphan = await stored(archives, b"orphan")
    twice = await stored(archives, b"twice")

    await archives.keep_only([twice, twice, BlobId("f" * 64)])

    assert orphan not in archives.list()
    assert archives.list() == {twice: 2}


async def test_closing_forgets_nothing(archives: Archives) -> None:
    blob = await stored(archives, b"kept")

    await archives.close()

    assert archives.list() == {blob: 1}


@pytest.mark.parametrize("is_kept", [True, False])
async def test_whoever_is_cancelled_leaves_nothing_wherever_that_happens(
    archives: Archives, *, is_kept: bool
) -> None:
    async def write() -> None:
        async with archives.writer() as writer:
            await writer.write(b"one ")
            await writer.write(b"two")
            if is_kept:
                await writer.commit()
            else:
                (await writer.keep_nowhere()).close()

    nth = 1
    while await interrupted(write(), nth):
        nth += 1
        await archives.close()
        assert archives.list() == {}

    assert sum(archives.list().values()) == is_kept
