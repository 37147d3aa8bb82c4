"""What a Director leaves to the next: its journal and its archives, in memory.

Every operation on them has a number, and whoever watches is told before and after it: that is
where a simulated crash may come.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import BinaryIO

from director.core.events import Durable
from director.core.model import BlobId
from director.core.snapshots import Snapshot
from director.storage import (
    BlobReader,
    BlobWriter,
    DamagedBlobError,
    DiskFailedError,
    Entry,
    MemoryArchives,
    MemoryJournal,
    NoRoomError,
)
from director.storage.codec import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One change of what is kept, about to be done or done."""

    number: int
    """Counted from 1 over all lives of the Director."""
    kind: str
    is_done: bool


Watcher = Callable[[Operation], None]


@dataclass(slots=True)
class Operations:
    """Counts operations, and tells whoever watches."""

    count: int = 0
    watcher: Watcher | None = None
    refusal: type[NoRoomError | DiskFailedError] | None = None
    """With what every operation is refused that needs room, or the disk at all."""
    refused: int = 0
    """How many were."""

    def demand(self) -> None:
        """Raise where the disk is full or fails."""
        if self.refusal is not None:
            self.refused += 1
            raise self.refusal

    def begin(self, kind: str) -> Callable[[], None]:
        """Tell that an operation is about to be done; returns how to tell that it is."""
        self.count += 1
        number = self.count
        self._tell(Operation(number=number, kind=kind, is_done=False))
        return lambda: self._tell(Operation(number=number, kind=kind, is_done=True))

    def _tell(self, operation: Operation) -> None:
        if self.watcher is not None:
            self.watcher(operation)


class Blobs(MemoryArchives):
    """Blobs in memory that may rot; as files are, they are compared with their names when read."""

    def __init__(self) -> None:
        super().__init__()
        self._spoilt: dict[BlobId, None] = {}

    def spoil(self, blob: BlobId) -> None:
        """Flip a bit of a blob, for as long as it is kept."""
        self._spoilt[blob] = None

    def reader(self, blob: BlobId) -> BlobReader:
        self._compare(blob)
        return super().reader(blob)

    def open(self, blob: BlobId) -> BinaryIO:
        self._compare(blob)
        return super().open(blob)

    def _compare(self, blob: BlobId) -> None:
        if blob in self._spoilt:
            raise DamagedBlobError


@dataclass(frozen=True, slots=True)
class Kept:
    """Storage that outlives the Director that uses it."""

    operations: Operations = field(default_factory=Operations)
    stored_events: MemoryJournal = field(default_factory=MemoryJournal)
    stored_blobs: Blobs = field(default_factory=Blobs)

    @property
    def journal(self) -> "KeptJournal":
        """The journal, as a Director is given it."""
        return KeptJournal(self.stored_events, self.operations)

    @property
    def archives(self) -> "KeptArchives":
        """The archives, as a Director is given them."""
        return KeptArchives(self.stored_blobs, self.operations)

    def at_this_moment(self) -> "Kept":
        """Return a copy, which whatever the Director still writes does not reach.

        What is numbered goes on; what is watched are the operations on the copy from now on.
        """
        old = self.operations
        operations = Operations(old.count, old.watcher, old.refusal, old.refused)
        old.watcher = None
        return Kept(operations, deepcopy(self.stored_events), deepcopy(self.stored_blobs))

    def rot(self) -> int:
        """Flip a bit in every blob; return how many there are."""
        blobs = self.stored_blobs.list()
        for blob in blobs:
            self.stored_blobs.spoil(blob)
        return len(blobs)


class KeptJournal:
    """See `director.storage.Journal`; events are read back from what would stand on a disk."""

    def __init__(self, inner: MemoryJournal, operations: Operations) -> None:
        self._inner = inner
        self._operations = operations
        self._codec = Codec()

    async def append(self, event: Durable, now: float) -> int:
        self._operations.demand()
        done = self._operations.begin(f"append {type(event).__name__}")
        position = await self._inner.append(event, now)
        done()
        return position

    def replay(self) -> Iterator[Entry]:
        for entry in self._inner.replay():
            record = self._codec.decode(self._codec.encode(entry.record))
            yield entry._replace(record=record)

    async def compact(self, snapshot: Snapshot, now: float, *, position: int) -> None:
        self._operations.demand()
        done = self._operations.begin("compact")
        await self._inner.compact(snapshot, now, position=position)
        done()

    async def close(self) -> None:
        await self._inner.close()


class KeptArchives:
    """See `director.storage.Archives`."""

    def __init__(self, inner: Blobs, operations: Operations) -> None:
        self._inner = inner
        self._operations = operations
        self.reader = inner.reader
        self.list = inner.list
        self.size_of = inner.size_of
        self.close = inner.close

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        self._operations.demand()
        done = self._operations.begin("create blob")
        async with self._inner.writer() as writer:
            done()
            yield _KeptWriter(writer, self._operations)

    def open(self, blob: BlobId) -> BinaryIO:
        return self._inner.open(blob)

    async def delete(self, blob: BlobId) -> None:
        done = self._operations.begin("delete blob")
        await self._inner.delete(blob)
        done()

    async def keep_only(self, blobs: Iterable[BlobId]) -> None:
        done = self._operations.begin("delete orphans")
        await self._inner.keep_only(blobs)
        done()


class _KeptWriter:
    """A blob that is being written."""

    def __init__(self, inner: BlobWriter, operations: Operations) -> None:
        self._inner = inner
        self._operations = operations

    @property
    def file(self) -> BinaryIO:
        return self._inner.file

    async def write(self, chunk: bytes) -> None:
        self._operations.demand()
        done = self._operations.begin("write blob")
        await self._inner.write(chunk)
        done()

    async def commit(self) -> BlobId:
        self._operations.demand()
        done = self._operations.begin("commit blob")
        blob = await self._inner.commit()
        done()
        return blob

    async def keep_nowhere(self) -> BlobReader:
        return await self._inner.keep_nowhere()
