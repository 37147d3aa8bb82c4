"""What a Director demands of its storage; one suite of tests holds every implementation to it.

The federation itself is rebuilt from the journal; blobs are too large for it and lie beside it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO, NamedTuple, Protocol

from director.core.events import Durable
from director.core.model import BlobId
from director.core.snapshots import Snapshot

Record = Durable | Snapshot
"""What a journal holds: events, and at its beginning what earlier ones came to."""


class Entry(NamedTuple):
    """One record of a journal."""

    position: int
    """Positions grow by one from event to event; a snapshot has that of the last it stands for."""
    now: float
    """When it happened, in seconds since the epoch."""
    record: Record


class JournalSize(NamedTuple):
    """How much room the records of a journal take, as they are encoded."""

    snapshot_bytes: int
    """None where a new one costs no writing."""
    events_bytes: int
    """Of those that followed the snapshot."""


class Journal(Protocol):
    """The durable events, in the order in which they happened."""

    @property
    def size(self) -> JournalSize:
        """How much is kept; known without a look at the disk."""

    async def append(self, event: Durable, now: float) -> int:
        """Return the event's position, and only once the event would survive a crash.

        Events are kept in the order of the calls, and the calls return in that order.

        Raises:
            NoRoomError: there is no room for it; it will not be replayed.
            UnavailableError: the disk failed; most likely, it will not be replayed.
        """

    def replay(self) -> Iterator[Entry]:
        """Yield all that was kept.

        Raises:
            StateError: it is damaged, or another version wrote it.
        """

    async def compact(self, snapshot: Snapshot, now: float, *, position: int) -> None:
        """Keep a snapshot in place of every event up to a position, and those that follow.

        Raises:
            NoRoomError: there is no room for it; everything is as it was.
            UnavailableError: the disk failed; everything is as it was.
        """

    async def close(self) -> None:
        """Let go of whatever is held open; what was kept stays kept."""


class BlobWriter(Protocol):
    """A blob that is being written, by `write` or through `file`, but not by both."""

    @property
    def file(self) -> BinaryIO:
        """For work that wants a file it may seek in; blocks, so use it in an `Offload`."""

    async def write(self, chunk: bytes) -> None:
        """Append a chunk.

        Raises:
            UnavailableError: there is no room for it, or the disk failed.
        """

    async def commit(self) -> BlobId:
        """Return the blob's name only once the blob would survive a crash; nothing may follow.

        Raises:
            UnavailableError: there is no room for it, or the disk failed.
        """

    async def keep_nowhere(self) -> "BlobReader":
        """Return what was written, to be read as long as the reader is open; nothing may follow.

        No crash leaves anything of it behind.

        Raises:
            UnavailableError: there is no room for it, or the disk failed.
        """


class BlobReader(Protocol):
    """An open blob: it can be read on although it is deleted meanwhile."""

    @property
    def size_bytes(self) -> int:
        """How long it is."""

    async def read_at(self, offset: int, length: int) -> bytes:
        """Return so many bytes, fewer only at the end.

        Raises:
            DamagedBlobError: it is not what was stored.
            UnavailableError: the disk failed.
        """

    def close(self) -> None:
        """Let go of it; harmless when repeated."""


class Archives(Protocol):
    """Blobs, named by the SHA-256 of their content.

    A blob stored twice is kept once, and has to be deleted twice.
    """

    def writer(self) -> AbstractAsyncContextManager[BlobWriter]:
        """Write a blob; leaving the context without `commit` leaves nothing behind."""

    def reader(self, blob: BlobId) -> BlobReader:
        """Open a blob.

        Raises:
            MissingBlobError: there is none of that name.
        """

    def open(self, blob: BlobId) -> BinaryIO:
        """Open a blob as a file one can seek in; blocks, so use it in an `Offload`.

        Raises:
            MissingBlobError: there is none of that name.
            DamagedBlobError: it is not what was stored; also while it is read.
        """

    async def delete(self, blob: BlobId) -> None:
        """Take back one storing of the blob; whatever is not there is no error."""

    def list(self) -> Mapping[BlobId, int]:
        """Return every blob, and how often it was stored."""

    def size_of(self, blob: BlobId) -> int:
        """Return how many bytes a blob has; none where it is not there."""

    async def keep_only(self, blobs: Iterable[BlobId]) -> None:
        """Forget all but these, each stored as often as it is named: for the time after a crash."""

    async def close(self) -> None:
        """Let go of whatever is held open; what was committed stays."""
