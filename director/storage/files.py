"""Blobs as files, named by the SHA-256 of their content.

A blob is written under a temporary name, synced, renamed, and its folder synced: after a crash it
is there and whole, or not there.  What is handed out is compared with its name first.
"""

import asyncio
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from director.core.model import BlobId
from director.offload import Offload, in_thread
from director.storage.errors import DamagedBlobError, MissingBlobError, refusal_of
from director.storage.ports import BlobReader, BlobWriter

_PIECE_BYTES = 2**20


class FileArchives:
    """As `director.storage.ports.Archives` demands; the folder is made where it is not there.

    Until `keep_only` is called, each blob counts as stored once.

    Raises:
        OSError: the folder cannot be used.
    """

    def __init__(self, folder: Path, *, offload: Offload = in_thread) -> None:
        self._folder = folder
        self._drafts = folder / "unfinished"
        self._offload = offload
        # One change at a time: a blob may be stored again while it is deleted.
        self._changing = asyncio.Lock()
        self._drafts.mkdir(parents=True, exist_ok=True)
        for draft in self._drafts.iterdir():
            draft.unlink()
        self._stored: Counter[BlobId] = Counter(
            BlobId(file.name) for file in sorted(folder.glob("??/*"))
        )

    def __repr__(self) -> str:
        return f"<FileArchives: {len(self._stored)} blobs>"

    # ------------------------------------------------------------ writing

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        try:
            draft = await self._offload(lambda: _Draft(self._drafts))
        except OSError as error:
            raise refusal_of(error) from error
        try:
            yield _Writer(self, draft, self._offload)
        finally:
            draft.discard()

    async def publish(self, draft: "_Draft") -> BlobId:
        """Give a draft its name; the folder is synced when this returns."""
        name = await self._offload(draft.finish)
        async with self._changing:
            await self._offload(lambda: draft.rename(self._path(name)))
            self._stored[name] += 1
        return name

    async def delete(self, blob: BlobId) -> None:
        async with self._changing:
            if self._stored[blob] > 1:
                self._stored[blob] -= 1
                return
            if self._stored.pop(blob, 0):
                await self._offload(partial(_remove, self._path(blob)))

    async def keep_only(self, blobs: Iterable[BlobId]) -> None:
        async with self._changing:
            wanted = Counter(blob for blob in blobs if blob in self._stored)
            orphans = [self._path(blob) for blob in self._stored if blob not in wanted]
            self._stored = wanted
            await self._offload(partial(_remove_all, orphans))

    # ------------------------------------------------------------ reading

    def reader(self, blob: BlobId) -> BlobReader:
        return _Reader(self._opened(blob), self._offload, name=blob)

    def open(self, blob: BlobId) -> BinaryIO:
        file = self._opened(blob)
        try:
            _compare(file, blob)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def list(self) -> Mapping[BlobId, int]:
        return dict(self._stored)

    def size_of(self, blob: BlobId) -> int:
        if blob not in self._stored:
            return 0
        try:
            return self._path(blob).stat().st_size
        except OSError:
            return 0

    async def close(self) -> None:
        pass

    def _path(self, blob: BlobId) -> Path:
        # Two letters of its name choose a subfolder, so that no folder grows too long.
        return self._folder / blob[:2] / blob

    def _opened(self, blob: BlobId) -> BinaryIO:
        if blob not in self._stored:
            raise MissingBlobError
        try:
            return self._path(blob).open("rb")
        except FileNotFoundError:
            raise MissingBlobError from None
        except OSError as error:
            raise refusal_of(error) from error


class _Draft:
    """A blob under its temporary name; everything of it blocks."""

    def __init__(self, folder: Path) -> None:
        number, name = tempfile.mkstemp(dir=folder)
        self._path: Path | None = Path(name)
        self.file: BinaryIO = os.fdopen(number, "w+b")
        self._hash = hashlib.sha256()
        self._hashed_bytes = 0

    def write(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self._hash.update(chunk)
        self._hashed_bytes += len(chunk)

    def finish(self) -> BlobId:
        """Sync the content; return its name."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            if self._hashed_bytes != os.fstat(self.file.fileno()).st_size:
                # It was written through `file`.
                self._hash = _hashed(self.file)
        except OSError as error:
            raise refusal_of(error) from error
        return BlobId(self._hash.hexdigest())

    def rename(self, path: Path) -> None:
        """Give it its name; the same content may have it already."""
        assert self._path is not None
        try:
            if not path.parent.exists():
                path.parent.mkdir(exist_ok=True)
                _sync(path.parent.parent)
            self._path.replace(path)
            _sync(path.parent)
        except OSError as error:
            raise refusal_of(error) from error
        self._path = None
        self.file.close()

    def detach(self) -> BinaryIO:
        """Return the content as a file that has no name any more."""
        assert self._path is not None
        try:
            self.file.flush()
            self._path.unlink()
        except OSError as error:
            raise refusal_of(error) from error
        self._path = None
        return self.file

    def discard(self) -> None:
        """Leave nothing behind of what was neither published nor detached."""
        if self._path is None:
            return
        # A buffer that cannot be written any more fails once more when it is closed.
        with suppress(OSError):
            self.file.close()
        _remove(self._path)
        self._path = None


class _Writer:
    def __init__(self, archives: FileArchives, draft: _Draft, offload: Offload) -> None:
        self._archives = archives
        self._draft = draft
        self._offload = offload

    @property
    def file(self) -> BinaryIO:
        return self._draft.file

    async def write(self, chunk: bytes) -> None:
        try:
            await self._offload(lambda: self._draft.write(chunk))
        except OSError as error:
            raise refusal_of(error) from error

    async def commit(self) -> BlobId:
        return await self._archives.publish(self._draft)

    async def keep_nowhere(self) -> BlobReader:
        file = await self._offload(self._draft.detach)
        return _Reader(file, self._offload)


class _Reader:
    """Reads a file; with a name, only once its content has been compared with it."""

    def __init__(self, file: BinaryIO, offload: Offload, *, name: BlobId | None = None) -> None:
        self._file = file
        self._offload = offload
        self._unproven = name
        self.size_bytes = os.fstat(file.fileno()).st_size

    async def read_at(self, offset: int, length: int) -> bytes:
        return await self._offload(lambda: self._read(offset, length))

    def _read(self, offset: int, length: int) -> bytes:
        try:
            if self._unproven is not None:
                _compare(self._file, self._unproven)
                self._unproven = None
            return _read_whole(self._file.fileno(), offset, length)
        except OSError as error:
            raise refusal_of(error) from error

    def close(self) -> None:
        self._file.close()


def _read_whole(number: int, offset: int, length: int) -> bytes:
    pieces = []
    while length > 0 and (piece := os.pread(number, length, offset)):
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return b"".join(pieces)


def _hashed(file: BinaryIO) -> "hashlib._Hash":
    file.seek(0)
    found = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        found.update(piece)
    return found


def _compare(file: BinaryIO, blob: BlobId) -> None:
    """Raises DamagedBlobError where the content is not what was stored."""
    try:
        found = _hashed(file).hexdigest()
    except OSError as error:
        raise refusal_of(error) from error
    if found != blob:
        raise DamagedBlobError


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _remove_all(paths: Iterable[Path]) -> None:
    for path in paths:
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
