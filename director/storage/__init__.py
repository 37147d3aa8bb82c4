"""Where a Director keeps what it must not forget: a journal of events, and blobs beside it."""

from director.storage.errors import (
    DamagedBlobError,
    DamagedStateError,
    DiskFailedError,
    LockedStateError,
    MissingBlobError,
    NewerStateError,
    NoRoomError,
    StateError,
)
from director.storage.memory import MemoryArchives, MemoryJournal
from director.storage.ports import (
    Archives,
    BlobReader,
    BlobWriter,
    Entry,
    Journal,
    JournalSize,
    Record,
)

__all__ = [
    "Archives",
    "BlobReader",
    "BlobWriter",
    "DamagedBlobError",
    "DamagedStateError",
    "DiskFailedError",
    "Entry",
    "Journal",
    "JournalSize",
    "LockedStateError",
    "MemoryArchives",
    "MemoryJournal",
    "MissingBlobError",
    "NewerStateError",
    "NoRoomError",
    "Record",
    "StateError",
]
