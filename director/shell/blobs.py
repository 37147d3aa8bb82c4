"""Blobs of which somebody is in charge; those that nobody takes over are deleted."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from director.core.model import BlobId
from director.shell.tasks import Tasks
from director.storage import Archives


class Blobs:
    """Deletes in the background, so that whoever is cancelled need not wait for a disk."""

    def __init__(self, archives: Archives, chores: Tasks) -> None:
        self.archives = archives
        self._chores = chores

    def __len__(self) -> int:
        return sum(self.archives.list().values())

    @contextmanager
    def lease(self) -> Iterator[list[BlobId]]:
        """Delete whatever is in the list when the block is left; take out what is to stay."""
        blobs: list[BlobId] = []
        try:
            yield blobs
        finally:
            self.release(blobs)

    def release(self, blobs: Iterable[BlobId]) -> None:
        """Delete these soon."""
        gone = tuple(blobs)
        if gone:
            self._chores.spawn(self._delete(gone), name="delete blobs")

    async def _delete(self, blobs: tuple[BlobId, ...]) -> None:
        for blob in blobs:
            await self.archives.delete(blob)

    async def store(self, content: bytes) -> BlobId:
        """Write a whole blob."""
        async with self.archives.writer() as writer:
            await writer.write(content)
            return await writer.commit()

    async def load(self, blob: BlobId) -> bytes:
        """Read a whole blob."""
        reader = self.archives.reader(blob)
        try:
            return await reader.read_at(0, reader.size_bytes)
        finally:
            reader.close()
