"""What the members of an archive contain, read in slices and checked against their checksums."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from director.errors import InvalidArchiveError
from director.workspace.zip_format import DEFLATED, STORED, Entry
from director.workspace.zip_layout import Extent, shown

_SLICE_BYTES = 2**18
"""So little stays in a processor's cache, from the file to its checksum."""


def verify(file: BinaryIO, entry: Entry, extent: Extent) -> None:
    """Read a member to its end.

    Raises:
        InvalidArchiveError: it is not what its checksum and size say.
    """
    for _ in slices(file, entry, extent):
        pass


def read(file: BinaryIO, entry: Entry, extent: Extent) -> bytes:
    """Return a member's content, whose size the caller has found small enough.

    Raises:
        InvalidArchiveError: it is not what its checksum and size say.
    """
    return b"".join(slices(file, entry, extent))


def slices(file: BinaryIO, entry: Entry, extent: Extent) -> Iterator[bytes]:
    """Yield a member's content, never much of it at once.

    Raises:
        InvalidArchiveError: at the end at the latest, if it is not what it claims to be.
    """
    raw = _raw(file, extent.content, entry.compressed_bytes)
    crc, size = 0, 0
    for piece in _inflated(raw, entry) if entry.method == DEFLATED else raw:
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        if size > entry.size_bytes:
            break
        yield piece
    if size != entry.size_bytes or crc != entry.crc:
        raise InvalidArchiveError(f"{shown(entry)} is damaged: it does not match its checksum")


def is_readable(entry: Entry) -> bool:
    """Whether a member is compressed by a method that is known here."""
    return entry.method in {STORED, DEFLATED}


def _raw(file: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    file.seek(start)
    while length > 0:
        piece = file.read(min(length, _SLICE_BYTES))
        if not piece:
            raise InvalidArchiveError("the archive is cut")
        length -= len(piece)
        yield piece


def _inflated(raw: Iterator[bytes], entry: Entry) -> Iterator[bytes]:
    """Yield what the raw slices decompress to; a bomb bursts into slices, not into memory."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    damaged = InvalidArchiveError(f"{shown(entry)} is damaged: it cannot be decompressed")
    for compressed in raw:
        pending = compressed
        while pending and not inflater.eof:
            try:
                piece = inflater.decompress(pending, _SLICE_BYTES)
            except zlib.error as error:
                raise damaged from error
            pending = inflater.unconsumed_tail
            yield piece
        if pending or inflater.unused_data:
            raise damaged
    if not inflater.eof:
        raise damaged
