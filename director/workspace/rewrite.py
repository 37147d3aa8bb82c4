"""An accepted archive with another address in its plan; no byte of another member changes."""

import zlib
from typing import BinaryIO

from director.errors import InvalidArchiveError
from director.workspace.archive import open_archive
from director.workspace.limits import ArchiveLimits
from director.workspace.plan_text import PLAN_MEMBER, federation_id, readdressed
from director.workspace.zip_format import moved, pack_end, pack_local, restored

_SLICE_BYTES = 2**20
_UNLIMITED = ArchiveLimits(max_members=2**31, max_uncompressed_bytes=2**63, max_ratio=2.0**63)
"""The archive was measured when it was accepted."""


def rewrite_workspace(
    source: BinaryIO, target: BinaryIO, *, agg_addr: str, agg_port: int, hash_salt: str
) -> str:
    """Write the archive as collaborators are to see it; return their federation id.

    The plan is stored anew in its old place; everything else is copied as it lies.

    Raises:
        InvalidArchiveError: the source is not (or no longer) an archive that was accepted.
    """
    archive = open_archive(source, _UNLIMITED)
    old_text = archive.read(PLAN_MEMBER, max_bytes=2**31).decode()
    text = readdressed(old_text, agg_addr=agg_addr, agg_port=agg_port, hash_salt=hash_salt)
    content = text.encode()
    plan_at = archive.files[PLAN_MEMBER]
    extent = archive.layout.extents[plan_at]
    plan = restored(
        archive.layout.entries[plan_at],
        crc=zlib.crc32(content),
        size_bytes=len(content),
        offset=extent.start,
    )
    header = pack_local(plan)
    shift = len(header) + len(content) - (extent.end - extent.start)

    _copy(source, target, 0, extent.start)
    target.write(header + content)
    _copy(source, target, extent.end, archive.layout.directory_start)
    records = [
        moved(entry, entry.offset + shift) if entry.offset > extent.start else entry.record
        for entry in archive.layout.entries
    ]
    records[plan_at] = plan.record
    directory = b"".join(records)
    end = pack_end(
        start=archive.layout.directory_start + shift,
        length=len(directory),
        count=len(records),
        comment=archive.layout.comment,
    )
    target.write(directory + end)
    return federation_id(text)


def _copy(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    while start < end:
        piece = source.read(min(end - start, _SLICE_BYTES))
        if not piece:
            raise InvalidArchiveError("the archive is cut")
        target.write(piece)
        start += len(piece)
