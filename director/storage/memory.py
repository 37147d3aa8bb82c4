"""Storage in memory: for tests, for virtual time, and for Directors that may forget.

It lives as long as its object: a Director that is started again on it finds everything.
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import BinaryIO

from director.core.events import Durable
from director.core.model import BlobId
from director.core.snapshots import Snapshot
from director.storage.codec import Codec
from director.storage.errors import MissingBlobError
from director.storage.ports import BlobReader, BlobWriter, Entry, JournalSize, Record

_CODEC = Codec()


class MemoryJournal:
    """Events in a list; what is copied of it is a journal of its own."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self.size = JournalSize(snapshot_bytes=0, events_bytes=0)

    async def append(self, event: Durable, now: float) -> int:
        position = self._entries[-1].position + 1 if self._entries else 1
        self._entries.append(Entry(position, now, event))
        held = self.size
        self.size = held._replace(events_bytes=held.events_bytes + self._bytes_of(event))
        return position

    def replay(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    async def compact(self, snapshot: Snapshot, now: float, *, position: int) -> None:
        later = [entry for entry in self._entries if entry.position > position]
        self._entries = [Entry(position, now, snapshot), *later]
        events_bytes = sum(self._bytes_of(entry.record) for entry in later)
        self.size = JournalSize(snapshot_bytes=0, events_bytes=events_bytes)

    def _bytes_of(self, record: Record) -> int:
        # They take room in memory about as they would on a disk.
        return len(_CODEC.encode(record).body)

    async def close(self) -> None:
        pass


class MemoryArchives:
    """Blobs as bytes."""

    def __init__(self) -> None:
        self._blobs: dict[BlobId, bytes] = {}
        self._stored: Counter[BlobId] = Counter()

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        yield _Writer(self)

    def keep(self, content: bytes) -> BlobId:
        """Store a whole blob."""
        blob = BlobId(hashlib.sha256(content).hexdigest())
        self._blobs[blob] = content
        self._stored[blob] += 1
        return blob

    def reader(self, blob: BlobId) -> BlobReader:
        return _Reader(self._content(blob))

    def open(self, blob: BlobId) -> BinaryIO:
        return BytesIO(self._content(blob))

    def _content(self, blob: BlobId) -> bytes:
        try:
            return self._blobs[blob]
        except KeyError:
            raise MissingBlobError from None

    async def delete(self, blob: BlobId) -> None:
        if self._stored[blob] > 1:
            self._stored[blob] -= 1
        else:
            del self._stored[blob]
            self._blobs.pop(blob, None)

    def list(self) -> Mapping[BlobId, int]:
        return dict(self._stored)

    def size_of(self, blob: BlobId) -> int:
        return len(self._blobs.get(blob, b""))

    async def keep_only(self, blobs: Iterable[BlobId]) -> None:
        wanted = Counter(blob for blob in blobs if blob in self._blobs)
        self._blobs = {blob: self._blobs[blob] for blob in wanted}
        self._stored = wanted

    async def close(self) -> None:
        pass


class _Writer:
    def __init__(self, archives: MemoryArchives) -> None:
        self._archives = archives
        self._buffer = BytesIO()

    @property
    def file(self) -> BinaryIO:
        return self._buffer

    async def write(self, chunk: bytes) -> None:
        self._buffer.write(chunk)

    async def commit(self) -> BlobId:
        # BytesIO shares its buffer with the bytes that it returns: nothing is copied.
        return self._archives.keep(self._buffer.getvalue())

    async def keep_nowhere(self) -> BlobReader:
        return _Reader(self._buffer.getvalue())


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size_bytes(self) -> int:
        return len(self._content)

    async def read_at(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    def close(self) -> None:
        pass
