"""Corners of the zip format: zip64, descriptors, directories that hide something."""

import io
import struct
import zipfile

import pytest

from director.errors import InvalidArchiveError, LimitExceededError
from director.workspace import read_workspace, rewrite_workspace
from director.workspace.zip_format import moved, unpack_entry
from tests.director.workspace.archives import LIMITS, PLAN, packed, reading, with_plan

CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"
PLAIN = with_plan()


def directory_of(archive: bytes) -> int:
    return archive.index(CENTRAL)


def closed(head: bytes, directory: bytes, *, count: int = 1, start: int | None = None) -> bytes:
    """Return an archive that ends with this directory."""
    at = len(head) if start is None else start
    end = struct.pack("<4s4H2LH", END, 0, 0, count, count, len(directory), at, 0)
    return head + directory + end


def piped(*, wide: bool = False, marked: bool = True) -> bytes:
    """Return an archive whose sizes follow the content."""
    plain = packed({"plan/plan.yaml": PLAN}, method=zipfile.ZIP_STORED)
    at = directory_of(plain)
    head, directory = bytearray(plain[:at]), bytearray(plain[at : plain.index(END)])
    crc, size = struct.unpack_from("<2L", head, 14)
    head[6] |= 0x08
    directory[8] |= 0x08
    head[14:26] = bytes(12)
    descriptor = struct.pack("<L2Q" if wide else "<3L", crc, size, size)
    return closed(bytes(head) + (b"PK\x07\x08" if marked else b"") + descriptor, bytes(directory))


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("wide", [True, False])
def test_every_form_of_descriptor_is_read_and_rewritten(*, wide: bool, marked: bool) -> None:
    archive, target = piped(wide=wide, marked=marked), io.BytesIO()

    rewrite_workspace(io.BytesIO(archive), target, agg_addr="h", agg_port=1, hash_salt="s")

    assert reading(archive).plan_text == PLAN
    assert reading(target.getvalue()).plan == reading(archive).plan


def test_a_descriptor_that_says_something_else_is_refused() -> None:
    archive = bytearray(piped())
    archive[directory_of(bytes(archive)) - 1] ^= 1

    with pytest.raises(InvalidArchiveError, match="two different things"):
        reading(bytes(archive))


def test_a_size_past_4_gib_in_a_descriptor_is_refused() -> None:
    archive = piped()
    at = directory_of(archive)
    directory = bytearray(archive[at : archive.index(END)])
    directory[24:28] = b"\xff\xff\xff\xff"
    extra = struct.pack("<2HQ", 1, 8, 2**33)
    directory[30:32] = struct.pack("<H", len(extra))

    with pytest.raises(InvalidArchiveError, match="two different things"):
        reading(closed(archive[:at], bytes(directory) + extra))


@pytest.mark.parametrize(
    "extra", [b"", struct.pack("<2H", 1, 0), struct.pack("<2HL", 1, 4, 7), struct.pack("<H", 1)]
)
def test_a_zip64_size_that_is_not_there_is_refused(extra: bytes) -> None:
    at = directory_of(PLAIN)
    directory = bytearray(PLAIN[at : PLAIN.index(END)])
    directory[20:24] = b"\xff\xff\xff\xff"
    directory[30:32] = struct.pack("<H", len(extra))

    with pytest.raises(InvalidArchiveError):
        reading(closed(PLAIN[:at], bytes(directory) + extra))


def test_a_directory_that_hides_bytes_is_refused() -> None:
    at = directory_of(PLAIN)
    directory = PLAIN[at : PLAIN.index(END)] + b"hidden" * 10

    with pytest.raises(InvalidArchiveError, match="hides bytes"):
        reading(closed(PLAIN[:at], directory))


def test_bytes_between_members_and_directory_are_refused() -> None:
    at = directory_of(PLAIN)

    with pytest.raises(InvalidArchiveError, match="belong to none"):
        reading(closed(PLAIN[:at] + b"hidden", PLAIN[at : PLAIN.index(END)]))


def test_a_member_past_4_gib_is_refused() -> None:
    at = directory_of(PLAIN)
    directory = bytearray(PLAIN[at : PLAIN.index(END)])
    directory[42:46] = b"\xff\xff\xff\xff"

    with pytest.raises(InvalidArchiveError, match="larger than 4 GiB"):
        reading(closed(PLAIN[:at], bytes(directory)))


def test_an_entry_is_never_moved_past_4_gib() -> None:
    entry = unpack_entry(PLAIN[directory_of(PLAIN) :], 0)

    assert unpack_entry(moved(entry, 7), 0).offset == 7
    with pytest.raises(InvalidArchiveError, match="too large"):
        moved(entry, 2**32 - 1)


def test_a_directory_past_what_memory_is_for_is_refused() -> None:
    directory = bytes(33 * 2**20)

    with pytest.raises(LimitExceededError, match="directory is too large"):
        reading(closed(b"", directory))


def test_cut_zip64_records_are_refused() -> None:
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)

    with pytest.raises(InvalidArchiveError, match="zip64 records are cut"):
        reading(closed(locator, b"", count=0, start=0))


def test_a_folder_with_content_is_refused() -> None:
    archive = packed({"plan/plan.yaml": PLAN, "folderX": "content"}).replace(b"folderX", b"folder/")

    with pytest.raises(InvalidArchiveError, match="has content"):
        reading(archive)


def test_deflated_content_that_never_ends_is_refused() -> None:
    archive = bytearray(with_plan(member=b"abc" * 1000))
    content = archive.index(b"member") + len("member")
    # The first bit of a deflated block says that it is the last one.
    archive[content] &= 0xFE

    with pytest.raises(InvalidArchiveError, match="'member' is damaged"):
        reading(bytes(archive))


class Shrinking(io.BytesIO):
    """A file that somebody truncates once its directories have been read."""

    def __init__(self, content: bytes, *, kept: int) -> None:
        super().__init__(content)
        self.kept = kept

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size) if size is None or size < self.kept else b""


@pytest.mark.parametrize("kept", [1, 100_000])
def test_a_file_that_shrinks_meanwhile_is_refused(kept: int) -> None:
    archive = packed({"plan/plan.yaml": PLAN, "weights": bytes(200_000)}, method=zipfile.ZIP_STORED)

    with pytest.raises(InvalidArchiveError, match="cut"):
        read_workspace(Shrinking(archive, kept=kept), LIMITS)
    with pytest.raises(InvalidArchiveError, match="cut"):
        rewrite_workspace(
            Shrinking(archive, kept=kept),
            io.BytesIO(),
            agg_addr="h",
            agg_port=1,
            hash_salt="s",
        )
