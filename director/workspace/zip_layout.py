"""Where the members of a zip archive lie: what its central directory says, and nothing it hides.

Written by hand because `zipfile` believes the directory, and looks at a local header only when a
member is opened: what the two say differently is where archives hide things.
Nothing here reads a member's content or judges its name.
"""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from director.errors import InvalidArchiveError, LimitExceededError
from director.workspace.zip_format import (
    CENTRAL,
    DESCRIPTOR_MARK,
    END,
    END64,
    END64_MARK,
    END_MARK,
    LOCAL,
    LOCAL_MARK,
    LOCATOR64,
    LOCATOR64_MARK,
    NARROW_LIMIT,
    Entry,
    LocalHeader,
    unpack_entry,
    unpack_local,
)

_MAX_COMMENT_BYTES = 0xFFFF
_MAX_MEMBERS = 0xFFFE
"""More need a zip64 directory, which we never write."""
_MAX_DIRECTORY_BYTES = 32 * 2**20
"""Room for 65,534 members with long names; the directory is held in memory."""

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Where a member lies: its local header, its content, and the first byte after it."""

    start: int
    content: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A whole archive; entries and extents in the order of the central directory."""

    entries: tuple[Entry, ...]
    extents: tuple[Extent, ...]
    directory_start: int
    comment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What the end of an archive says of its central directory, and where that has to stop."""

    directory_start: int
    directory_bytes: int
    members: int
    directory_end: int
    comment: bytes


def read_layout(file: BinaryIO, *, max_members: int) -> Layout:
    """Account for every byte of the archive.

    Raises:
        InvalidArchiveError: it is cut, says two things of one member, or hides bytes.
        LimitExceededError: it has too many members.
    """
    end = _read_end(file)
    # Damage first: a flipped bit must not pass for an archive that is merely too large.
    is_placed = end.directory_start + end.directory_bytes == end.directory_end
    if not is_placed or end.members * CENTRAL.size > end.directory_bytes:
        raise InvalidArchiveError("the archive's central directory is damaged, or misplaced")
    allowed = min(max_members, _MAX_MEMBERS)
    if end.members > allowed:
        raise LimitExceededError(f"the archive has {end.members} members: {allowed} are allowed")
    if end.directory_bytes > _MAX_DIRECTORY_BYTES:
        raise LimitExceededError("the archive's central directory is too large")
    entries = _entries(read_at(file, end.directory_start, end.directory_bytes), end.members)
    return Layout(
        entries=entries,
        extents=_extents(file, entries, end.directory_start),
        directory_start=end.directory_start,
        comment=end.comment,
    )


def read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Return exactly so many bytes.

    Raises:
        InvalidArchiveError: the file ends before.
    """
    file.seek(offset)
    content = file.read(length)
    if len(content) != length:
        raise InvalidArchiveError("the archive is cut")
    return content


# ---------------------------------------------------------------- the end


def _read_end(file: BinaryIO) -> _End:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise InvalidArchiveError("the archive is empty")
    tail_bytes = min(size, END.size + _MAX_COMMENT_BYTES + LOCATOR64.size)
    tail = read_at(file, size - tail_bytes, tail_bytes)
    at = tail.rfind(END_MARK)
    if at < 0 or at + END.size > len(tail):
        raise InvalidArchiveError("this is not a zip archive, or its end was cut off")
    _, disk, first_disk, here, members, length, start, comment_bytes = END.unpack_from(tail, at)
    comment = tail[at + END.size :]
    if len(comment) != comment_bytes:
        raise InvalidArchiveError("the archive is followed by bytes that do not belong to it")
    if disk != 0 or first_disk != 0 or here != members:
        raise InvalidArchiveError("the archive is split into several files")
    narrow = _End(
        directory_start=start,
        directory_bytes=length,
        members=members,
        directory_end=size - tail_bytes + at,
        comment=comment,
    )
    locator = tail[max(at - LOCATOR64.size, 0) : at]
    return _read_end64(file, narrow, locator) if locator[:4] == LOCATOR64_MARK else narrow


def _read_end64(file: BinaryIO, narrow: _End, locator: bytes) -> _End:
    """Return what the zip64 records say; they lie directly before the ordinary end."""
    at = narrow.directory_end - LOCATOR64.size - END64.size
    if len(locator) != LOCATOR64.size or at < 0:
        raise InvalidArchiveError("the archive's zip64 records are cut")
    _, locator_disk, claimed_at, disks = LOCATOR64.unpack(locator)
    fields = END64.unpack(read_at(file, at, END64.size))
    mark, length, _, _, disk, first_disk, here, members, directory_bytes, start = fields
    is_whole = mark == END64_MARK and length == END64.size - 12 and claimed_at == at
    is_one_file = (locator_disk, disks, disk, first_disk, here) == (0, 1, 0, 0, members)
    agrees = (
        narrow.members in {members, 0xFFFF}
        and narrow.directory_bytes in {directory_bytes, NARROW_LIMIT}
        and narrow.directory_start in {start, NARROW_LIMIT}
    )
    if not (is_whole and is_one_file and agrees):
        raise InvalidArchiveError("the archive's zip64 records contradict its end")
    return _End(
        directory_start=start,
        directory_bytes=directory_bytes,
        members=members,
        directory_end=at,
        comment=narrow.comment,
    )


# ---------------------------------------------------------------- the members


def _entries(directory: bytes, count: int) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    at = 0
    for _ in range(count):
        entry = unpack_entry(directory, at)
        entries.append(entry)
        at += len(entry.record)
    if at != len(directory):
        raise InvalidArchiveError("the archive's central directory hides bytes")
    return tuple(entries)


def _extents(file: BinaryIO, entries: tuple[Entry, ...], limit: int) -> tuple[Extent, ...]:
    """Return where each lies; together they fill the file up to the directory, without a gap."""
    order = sorted(range(len(entries)), key=lambda index: entries[index].offset)
    extents: dict[int, Extent] = {}
    expected = 0
    for index in order:
        if entries[index].offset != expected:
            raise InvalidArchiveError("the archive has gaps or overlaps between its members")
        extents[index] = _extent(file, entries[index], limit)
        expected = extents[index].end
    if expected != limit:
        raise InvalidArchiveError("the archive has bytes that belong to none of its members")
    return tuple(extents[index] for index in range(len(entries)))


def _extent(file: BinaryIO, entry: Entry, limit: int) -> Extent:
    head = read_at(file, entry.offset, LOCAL.size)
    if head[:4] != LOCAL_MARK:
        raise InvalidArchiveError(f"the header of {shown(entry)} is damaged")
    local = unpack_local(head, file.read(sum(struct.unpack_from("<2H", head, 26))))
    content = entry.offset + local.length
    end = content + entry.compressed_bytes
    if end > limit:
        raise InvalidArchiveError(f"{shown(entry)} reaches past the end of the archive")
    if not _agrees(entry, local):
        raise InvalidArchiveError(f"the archive says two different things of {shown(entry)}")
    if entry.has_descriptor:
        end += _descriptor_bytes(file, entry, end)
    return Extent(start=entry.offset, content=content, end=end)


def _agrees(entry: Entry, local: LocalHeader) -> bool:
    told = (entry.crc, entry.compressed_bytes, entry.size_bytes)
    first = (local.crc, local.compressed_bytes, local.size_bytes)
    is_deferred = entry.has_descriptor and first == (0, 0, 0)
    return (
        (entry.raw_name, entry.flags, entry.method) == (local.raw_name, local.flags, local.method)
    ) and (first == told or is_deferred)


def _descriptor_bytes(file: BinaryIO, entry: Entry, at: int) -> int:
    """Return the length of the descriptor after a member's content; it has four known forms."""
    file.seek(at)
    found = file.read(24)
    sizes = (entry.compressed_bytes, entry.size_bytes)
    told = [struct.pack("<L2Q", entry.crc, *sizes)]
    if max(sizes) < NARROW_LIMIT:
        told.insert(0, struct.pack("<3L", entry.crc, *sizes))
    for numbers in told:
        for form in (DESCRIPTOR_MARK + numbers, numbers):
            if found.startswith(form):
                return len(form)
    raise InvalidArchiveError(f"the archive says two different things of {shown(entry)}")


def shown(entry: Entry) -> str:
    """Return a member's name as a message may quote it."""
    name = entry.raw_name.decode("utf-8", "replace")
    return repr(name if len(name) <= _SHOWN_CHARACTERS else name[:_SHOWN_CHARACTERS] + "…")
