"""A blob that is being written, under a name that a start clears away; everything here blocks."""

import hashlib
from contextlib import suppress
from typing import BinaryIO

from director.core.model import BlobId
from director.storage.folders import Folder

PREFIX = "unfinished-"
_PIECE_BYTES = 2**20
_WRITE_BACK_BYTES = 8 * 2**20
"""A disk that begins only when everything is there keeps whoever uploads waiting."""


def content_name(folder: Folder, file: BinaryIO) -> BlobId:
    """Return the name that a file's content has as a blob."""
    found = hashlib.sha256()
    at = 0
    while piece := folder.read_at(file, at, _PIECE_BYTES):
        found.update(piece)
        at += len(piece)
    return BlobId(found.hexdigest())


class Draft:
    """Written by `write` or through `file`, but not by both.

    Raises:
        OSError: the file cannot be made; likewise all that follows.
    """

    def __init__(self, folder: Folder, number: int) -> None:
        self._folder = folder
        self._name = f"{PREFIX}{number}"
        self.file = folder.create(self._name)
        self._hash = hashlib.sha256()
        self._written_bytes = 0
        self._begun_bytes = 0
        self._is_open = True

    def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        self.file.write(chunk)
        self._hash.update(chunk)
        self._written_bytes += len(chunk)
        unbegun = self._written_bytes - self._begun_bytes
        if unbegun >= _WRITE_BACK_BYTES:
            self._folder.begin_sync(self.file, self._begun_bytes, unbegun)
            self._begun_bytes = self._written_bytes

    def sync(self) -> BlobId:
        """Let the content survive a crash; return the name that it has as a blob."""
        self._folder.sync_file(self.file)
        if self._written_bytes:
            return BlobId(self._hash.hexdigest())
        return content_name(self._folder, self.file)

    def rename(self, blob: BlobId) -> None:
        """Give it its name; where a blob of that name is there, its content is the same.

        It survives a crash once the folder is synced.
        """
        self._folder.replace(self._name, blob)
        self._is_open = False
        self.file.close()

    def detach(self) -> BinaryIO:
        """Return the content as a file that has no name any more."""
        self.file.flush()
        self._folder.remove(self._name)
        self._is_open = False
        return self.file

    @property
    def is_open(self) -> bool:
        """Whether there is something that has to be thrown away."""
        return self._is_open

    def discard(self) -> None:
        """Leave nothing behind of what was neither published nor detached."""
        if not self._is_open:
            return
        self._is_open = False
        # A buffer that cannot be written any more fails once more when it is closed.
        with suppress(OSError):
            self.file.close()
        # Where the disk fails, the next start clears it away.
        with suppress(OSError):
            self._folder.remove(self._name)
