"""The records of the zip format, bytes in and values out, and back.

What is written here is what this Director itself writes: neither encryption nor split archives,
and nothing past 4 GiB.  The layout is that of PKWARE's APPNOTE 6.3.
"""

import struct
from dataclasses import dataclass, replace

from director.errors import InvalidArchiveError

STORED = 0
DEFLATED = 8
NARROW_LIMIT = 0xFFFFFFFF
"""A 32-bit field with this value says that a zip64 field holds the number."""

_NEWEST = 63
"""Version 6.3, tenfold: readers refuse a member that needs a newer one."""
_HAS_DESCRIPTOR = 0x0008
_ZIP64 = 0x0001

CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
CENTRAL_MARK = b"PK\x01\x02"
LOCAL_MARK = b"PK\x03\x04"
END_MARK = b"PK\x05\x06"
END64_MARK = b"PK\x06\x06"
LOCATOR64_MARK = b"PK\x06\x07"
DESCRIPTOR_MARK = b"PK\x07\x08"
_OFFSET_AT = CENTRAL.size - 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member, as the central directory has it; `record` is its entry there, byte for byte."""

    raw_name: bytes
    flags: int
    method: int
    date_time: tuple[int, int]
    crc: int
    compressed_bytes: int
    size_bytes: int
    system: int
    attributes: int
    offset: int
    extra: bytes
    record: bytes

    @property
    def has_descriptor(self) -> bool:
        """Whether checksum and sizes follow the content instead of preceding it."""
        return bool(self.flags & _HAS_DESCRIPTOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalHeader:
    """One member, as the header before its content has it; `length` spans the whole header."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed_bytes: int
    size_bytes: int
    length: int


def extra_fields(extra: bytes) -> dict[int, bytes]:
    """Return the extra fields by their ids.

    Raises:
        InvalidArchiveError: they do not add up, or one is there twice.
    """
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(extra):
        if at + 4 > len(extra):
            raise InvalidArchiveError("a member of the archive has a cut extra field")
        field, length = struct.unpack_from("<2H", extra, at)
        content = extra[at + 4 : at + 4 + length]
        if len(content) < length or field in fields:
            raise InvalidArchiveError("a member of the archive has a broken extra field")
        fields[field] = content
        at += 4 + length
    return fields


def _widened(numbers: list[int], extra: bytes) -> list[int]:
    """Return the numbers with those that did not fit 32 bits taken from the zip64 field."""
    wide = extra_fields(extra).get(_ZIP64)
    if wide is None:
        return numbers
    widened, at = [], 0
    for number in numbers:
        if number != NARROW_LIMIT:
            widened.append(number)
            continue
        if at + 8 > len(wide):
            raise InvalidArchiveError("a member of the archive has a cut zip64 field")
        widened.extend(struct.unpack_from("<Q", wide, at))
        at += 8
    return widened


def unpack_entry(directory: bytes, at: int) -> Entry:
    """Return the directory entry that starts there.

    Raises:
        InvalidArchiveError: there is none, or it is cut.
    """
    if directory[at : at + 4] != CENTRAL_MARK or at + CENTRAL.size > len(directory):
        raise InvalidArchiveError("the archive's central directory is damaged")
    fields = CENTRAL.unpack_from(directory, at)
    _, made_by, needed, flags, method, time, date, crc, compressed, size = fields[:10]
    name_length, extra_length, comment_length, disk, _, attributes, offset = fields[10:]
    names = at + CENTRAL.size
    extras = names + name_length
    end = extras + extra_length + comment_length
    if end > len(directory):
        raise InvalidArchiveError("the archive's central directory is cut")
    extra = directory[extras : extras + extra_length]
    size, compressed = _widened([size, compressed], extra)
    if disk != 0 or offset == NARROW_LIMIT:
        raise InvalidArchiveError("the archive is split, or larger than 4 GiB")
    if needed & 0xFF > _NEWEST:
        raise InvalidArchiveError("the archive needs a newer version of the zip format")
    return Entry(
        raw_name=directory[names:extras],
        flags=flags,
        method=method,
        date_time=(time, date),
        crc=crc,
        compressed_bytes=compressed,
        size_bytes=size,
        system=made_by >> 8,
        attributes=attributes,
        offset=offset,
        extra=extra,
        record=directory[at:end],
    )


def unpack_local(head: bytes, name_and_extra: bytes) -> LocalHeader:
    """Return the header whose fixed part and whose variable part these are.

    Raises:
        InvalidArchiveError: the extra fields are broken.
    """
    _, _, flags, method, _, _, crc, compressed, size, name_length, _ = LOCAL.unpack(head)
    extra = name_and_extra[name_length:]
    size, compressed = _widened([size, compressed], extra)
    return LocalHeader(
        raw_name=name_and_extra[:name_length],
        flags=flags,
        method=method,
        crc=crc,
        compressed_bytes=compressed,
        size_bytes=size,
        length=LOCAL.size + len(name_and_extra),
    )


def moved(entry: Entry, offset: int) -> bytes:
    """Return the directory entry of a member that starts elsewhere and is otherwise the same.

    Raises:
        InvalidArchiveError: it would start past 4 GiB.
    """
    if offset >= NARROW_LIMIT:
        raise InvalidArchiveError("the archive is too large to be given another plan")
    return entry.record[:_OFFSET_AT] + struct.pack("<L", offset) + entry.record[CENTRAL.size :]


def restored(entry: Entry, *, crc: int, size_bytes: int, offset: int) -> Entry:
    """Return the entry of a member that keeps its name, date and mode, but not its content."""
    time, date = entry.date_time
    _, made_by, *_ = CENTRAL.unpack_from(entry.record)
    head = (CENTRAL_MARK, made_by, 20, 0, STORED, time, date, crc, size_bytes, size_bytes)
    tail = (len(entry.raw_name), 0, 0, 0, 0, entry.attributes, offset)
    return replace(
        entry,
        flags=0,
        method=STORED,
        crc=crc,
        compressed_bytes=size_bytes,
        size_bytes=size_bytes,
        offset=offset,
        extra=b"",
        record=CENTRAL.pack(*head, *tail) + entry.raw_name,
    )


def pack_local(entry: Entry) -> bytes:
    """Return the header that precedes a stored member's content."""
    time, date = entry.date_time
    sizes = (entry.crc, entry.compressed_bytes, entry.size_bytes)
    head = LOCAL.pack(LOCAL_MARK, 20, 0, STORED, time, date, *sizes, len(entry.raw_name), 0)
    return head + entry.raw_name


def pack_end(*, start: int, length: int, count: int, comment: bytes) -> bytes:
    """Return the record that closes an archive whose central directory lies there."""
    return END.pack(END_MARK, 0, 0, count, count, length, start, len(comment)) + comment
