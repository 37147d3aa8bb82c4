"""A folder of files, as blobs and journals need it: the smallest part of a disk that can fail.

Every call blocks and raises `OSError`.  What was written survives a crash only once the file was
synced, and a name only once the folder was.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol


class Folder(Protocol):
    """Files by name, without folders in it."""

    def names(self) -> Sequence[str]:
        """Return what is there, in order."""

    def size_of(self, name: str) -> int:
        """Return a file's length."""

    def create(self, name: str) -> BinaryIO:
        """Make a file that is not there yet, to be written and read."""

    def open(self, name: str) -> BinaryIO:
        """Open a file to be read."""

    def reopen(self, name: str) -> BinaryIO:
        """Open a file to be written and read."""

    def read_at(self, file: BinaryIO, offset: int, length: int) -> bytes:
        """Return a part of an open file, fewer bytes at its end; threads may do so at once."""

    def begin_sync(self, file: BinaryIO, offset: int, length: int) -> None:
        """Let the disk begin to write a part: `sync_file` has less to wait for."""

    def sync_file(self, file: BinaryIO) -> None:
        """Return once what was written to it survives a crash."""

    def replace(self, name: str, new_name: str) -> None:
        """Give a file another name, in place of whatever had it."""

    def remove(self, name: str) -> None:
        """Take a file away; whoever has it open can go on to read."""

    def sync(self) -> None:
        """Return once the names of files are such that they survive a crash."""


class DiskFolder:
    """A folder of the operating system's; it is made where it does not exist."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path

    def __repr__(self) -> str:
        return f"<DiskFolder {self._path}>"

    def names(self) -> Sequence[str]:
        return sorted(entry.name for entry in os.scandir(self._path) if entry.is_file())

    def size_of(self, name: str) -> int:
        return (self._path / name).stat().st_size

    def create(self, name: str) -> BinaryIO:
        return (self._path / name).open("x+b")

    def open(self, name: str) -> BinaryIO:
        return (self._path / name).open("rb")

    def reopen(self, name: str) -> BinaryIO:
        return (self._path / name).open("r+b")

    def read_at(self, file: BinaryIO, offset: int, length: int) -> bytes:
        pieces: list[bytes] = []
        while length:
            piece = os.pread(file.fileno(), length, offset)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def begin_sync(self, file: BinaryIO, offset: int, length: int) -> None:
        file.flush()
        # Linux begins to write what it is told will not be needed, and drops only what is written
        # already; others at least have it in their cache.
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), offset, length, os.POSIX_FADV_DONTNEED)

    def sync_file(self, file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())

    def replace(self, name: str, new_name: str) -> None:
        (self._path / name).replace(self._path / new_name)

    def remove(self, name: str) -> None:
        (self._path / name).unlink()

    def sync(self) -> None:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
