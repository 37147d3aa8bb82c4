"""Archives on their way to envoys: read once, and shared by all who download at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from director.errors import UnavailableError
from director.shell.tasks import Tasks
from director.storage import BlobReader


class ChunkCache:
    """The chunks that were read last, of all archives together."""

    def __init__(self, *, room_bytes: int) -> None:
        self._room_bytes = room_bytes
        self._used_bytes = 0
        self._chunks: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def get(self, handout: int, number: int) -> bytes | None:
        """Return a chunk that is still there."""
        chunk = self._chunks.get((handout, number))
        if chunk is not None:
            self._chunks.move_to_end((handout, number))
        return chunk

    def put(self, handout: int, number: int, chunk: bytes) -> None:
        """Keep a chunk for a while, in place of those that nobody asked for the longest."""
        self._chunks[handout, number] = chunk
        self._used_bytes += len(chunk)
        while self._used_bytes > self._room_bytes:
            _, gone = self._chunks.popitem(last=False)
            self._used_bytes -= len(gone)

    def drop(self, handout: int) -> None:
        """Forget the chunks of one archive."""
        for key in [key for key in self._chunks if key[0] == handout]:
            self._used_bytes -= len(self._chunks.pop(key))


class Handout:
    """One archive as its collaborators see it; the last to hold it closes it."""

    def __init__(
        self, number: int, reader: BlobReader, *, chunk_bytes: int, cache: ChunkCache, tasks: Tasks
    ) -> None:
        self._number = number
        self._reader = reader
        self._chunk_bytes = chunk_bytes
        self._cache = cache
        self._tasks = tasks
        self._reads: dict[int, asyncio.Future[bytes]] = {}
        self._holders = 1

    @contextmanager
    def _held(self) -> Iterator[None]:
        self._holders += 1
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Let go of it; downloads that have begun go on to their end."""
        self._holders -= 1
        if self._holders == 0:
            self._reader.close()
            self._cache.drop(self._number)

    @property
    def is_closed(self) -> bool:
        """Whether nobody holds it any more, and nobody can."""
        return self._holders <= 0

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the whole archive.

        Raises:
            UnavailableError: it was let go of already.
        """
        if self.is_closed:
            raise UnavailableError("this Director is stopping")
        with self._held():
            for number in range(-(-self._reader.size_bytes // self._chunk_bytes)):
                yield await self._chunk(number)

    async def _chunk(self, number: int) -> bytes:
        kept = self._cache.get(self._number, number)
        if kept is not None:
            return kept
        # The read is nobody's own: whoever began it may leave, and the others still want it.
        read = self._reads.get(number)
        if read is None:
            read = self._tasks.start(self._read(number), name=f"read chunk {number}")
            self._reads[number] = read
        return await asyncio.shield(read)

    async def _read(self, number: int) -> bytes:
        with self._held():
            try:
                chunk = await self._reader.read_at(number * self._chunk_bytes, self._chunk_bytes)
                self._cache.put(self._number, number, chunk)
                return chunk
            finally:
                del self._reads[number]
