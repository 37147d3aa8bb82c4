"""Blobs as files, named by the SHA-256 of their content.

A blob is written under a temporary name, synced, renamed, and its folder synced: after a crash it
is there and whole, or not there.  What is handed out is compared with its name first.
"""

import asyncio
import io
import logging
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, BinaryIO

from director.core.model import BlobId
from director.offload import Offload, in_thread
from director.storage.batches import Batches
from director.storage.drafts import PREFIX, Draft, content_name
from director.storage.errors import DamagedBlobError, MissingBlobError, refusal_of
from director.storage.folders import Folder
from director.storage.ports import BlobReader, BlobWriter

_log = logging.getLogger(__name__)

_BLOB = re.compile("[0-9a-f]{64}")


class FileArchives:
    """As `director.storage.ports.Archives` demands.

    Until `keep_only` is called, each blob counts as stored once.

    Raises:
        OSError: the folder cannot be used.
    """

    def __init__(self, folder: Folder, *, offload: Offload = in_thread) -> None:
        self._folder = folder
        self._offload = offload
        # One change at a time: a blob may be stored again while it is deleted.
        self._changing = asyncio.Lock()
        # Names that came while the folder was being synced share the next time.
        self._names: Batches[BlobId] = Batches(self._sync_names, offload)
        self._drafts = 0
        self._cleanings: dict[asyncio.Task[None], None] = {}
        names = folder.names()
        for name in names:
            if name.startswith(PREFIX):
                folder.remove(name)
        self._stored: Counter[BlobId] = Counter(
            BlobId(name) for name in names if _BLOB.fullmatch(name)
        )

    def __repr__(self) -> str:
        return f"<FileArchives: {len(self._stored)} blobs>"

    # ------------------------------------------------------------ writing

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        self._drafts += 1
        try:
            # Here and now: whoever is cancelled while a thread makes it would not know of it.
            draft = Draft(self._folder, self._drafts)
        except OSError as error:
            raise refusal_of(error) from error
        writer = _Writer(self, self._folder, draft, self._offload)
        try:
            yield writer
        finally:
            if writer.has_leftovers:
                cleaning = asyncio.create_task(writer.clean_up(), name="clean up after an upload")
                self._cleanings[cleaning] = None
                cleaning.add_done_callback(self._cleanings.pop)
                await asyncio.shield(cleaning)

    async def publish(self, draft: Draft) -> BlobId:
        """Store a draft, which is there and whole whenever this returns.

        Raises:
            OSError: it is not stored.
        """
        blob = await self._offload(draft.sync)
        try:
            async with self._changing:
                try:
                    await self._offload(partial(draft.rename, blob))
                finally:
                    if not draft.is_open:
                        self._stored[blob] += 1
            await self._names.put(blob)
        except OSError:
            if not draft.is_open:
                # Renamed, and nobody is going to know of it.
                await self.delete(blob)
            raise
        return blob

    def _sync_names(self, blobs: Sequence[BlobId]) -> int:
        del blobs
        self._folder.sync()
        return 0

    async def delete(self, blob: BlobId) -> None:
        async with self._changing:
            if self._stored[blob] > 1:
                self._stored[blob] -= 1
            elif self._stored.pop(blob, 0):
                await self._offload(partial(self._remove, blob))

    async def keep_only(self, blobs: Iterable[BlobId]) -> None:
        async with self._changing:
            wanted = Counter(blobs)
            missing = [blob for blob in wanted if blob not in self._stored]
            if missing:
                _log.error("%d stored files are missing, such as %s", len(missing), missing[0])
            orphans = [blob for blob in self._stored if blob not in wanted]
            self._stored = Counter(
                {blob: count for blob, count in wanted.items() if blob in self._stored}
            )
            for blob in orphans:
                await self._offload(partial(self._remove, blob))

    def _remove(self, blob: BlobId) -> None:
        try:
            self._folder.remove(blob)
        except FileNotFoundError:
            pass
        except OSError as error:
            _log.warning("a file that is needed no more stays until the next start: %s", error)

    # ------------------------------------------------------------ reading

    def reader(self, blob: BlobId) -> BlobReader:
        return _Reader(self._folder, self._opened(blob), self._offload, name=blob)

    def open(self, blob: BlobId) -> BinaryIO:
        file = self._opened(blob)
        try:
            compare(self._folder, file, blob)
        except BaseException:
            file.close()
            raise
        return file

    def list(self) -> Mapping[BlobId, int]:
        return dict(self._stored)

    def size_of(self, blob: BlobId) -> int:
        if blob not in self._stored:
            return 0
        with suppress(OSError):
            return self._folder.size_of(blob)
        return 0

    async def close(self) -> None:
        while self._cleanings:
            await asyncio.wait(tuple(self._cleanings))
        await self._names.settle()

    def _opened(self, blob: BlobId) -> BinaryIO:
        if blob not in self._stored:
            raise MissingBlobError
        try:
            return self._folder.open(blob)
        except FileNotFoundError:
            raise MissingBlobError from None
        except OSError as error:
            raise refusal_of(error) from error


def compare(folder: Folder, file: BinaryIO, blob: BlobId) -> None:
    """Raises DamagedBlobError where the content is not what was stored."""
    try:
        found = content_name(folder, file)
    except OSError as error:
        raise refusal_of(error) from error
    if found != blob:
        _log.error("the stored file %s is damaged: restore it from a backup", blob)
        raise DamagedBlobError


class _Writer:
    """Whoever is cancelled leaves its work to the thread that does it, and to `clean_up`."""

    def __init__(
        self, archives: FileArchives, folder: Folder, draft: Draft, offload: Offload
    ) -> None:
        self._archives = archives
        self._folder = folder
        self._draft = draft
        self._offload = offload
        self._working: asyncio.Future[None] | None = None
        self._published: BlobId | None = None
        self._detached: BinaryIO | None = None

    @property
    def file(self) -> BinaryIO:
        return self._draft.file

    async def write(self, chunk: bytes) -> None:
        await self._do(partial(self._write, chunk))

    async def _write(self, chunk: bytes) -> None:
        await self._offload(partial(self._draft.write, chunk))

    async def commit(self) -> BlobId:
        await self._do(self._publish)
        blob, self._published = self._published, None
        assert blob is not None
        return blob

    async def _publish(self) -> None:
        self._published = await self._archives.publish(self._draft)

    async def keep_nowhere(self) -> BlobReader:
        await self._do(self._detach)
        file, self._detached = self._detached, None
        assert file is not None
        return _Reader(self._folder, file, self._offload)

    async def _detach(self) -> None:
        self._detached = await self._offload(self._draft.detach)

    async def _do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for something that goes on to its end, even if whoever waits is cancelled."""
        self._working = asyncio.create_task(work(), name="write a file")
        try:
            await asyncio.shield(self._working)
        except OSError as error:
            raise refusal_of(error) from error

    # ------------------------------------------------------------ afterwards

    @property
    def has_leftovers(self) -> bool:
        """Whether something was begun and not taken over."""
        is_working = self._working is not None and not self._working.done()
        is_abandoned = self._published is not None or self._detached is not None
        return is_working or is_abandoned or self._draft.is_open

    async def clean_up(self) -> None:
        """Leave nothing behind that nobody has taken over."""
        if self._working is not None:
            await asyncio.wait([self._working])
            if not self._working.cancelled():
                self._working.exception()  # told already, or to nobody
        if self._published is not None:
            await self._archives.delete(self._published)
        if self._detached is not None:
            self._detached.close()
        await self._offload(self._draft.discard)


class _Reader:
    """Reads a file; with a name, only once its content has been compared with it."""

    def __init__(
        self, folder: Folder, file: BinaryIO, offload: Offload, *, name: BlobId | None = None
    ) -> None:
        self._folder = folder
        self._file = file
        self._offload = offload
        self._unproven = name
        self._proving = threading.Lock()
        self.size_bytes = file.seek(0, io.SEEK_END)

    async def read_at(self, offset: int, length: int) -> bytes:
        return await self._offload(partial(self._read, offset, length))

    def _read(self, offset: int, length: int) -> bytes:
        with self._proving:
            if self._unproven is not None:
                compare(self._folder, self._file, self._unproven)
                self._unproven = None
        try:
            return self._folder.read_at(self._file, offset, length)
        except OSError as error:
            raise refusal_of(error) from error

    def close(self) -> None:
        self._file.close()
