"""Where a Director keeps what it must not forget: a journal of events, and blobs beside it."""

from director.storage.memory import MemoryArchives, MemoryJournal
from director.storage.ports import Archives, BlobReader, BlobWriter, Journal, MissingBlobError

__all__ = [
    "Archives",
    "BlobReader",
    "BlobWriter",
    "Journal",
    "MemoryArchives",
    "MemoryJournal",
    "MissingBlobError",
]
