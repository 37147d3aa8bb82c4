"""A copy of a state directory that is consistent, though its Director goes on meanwhile.

Blobs never change, but they come and go.  So what there is is copied first, then the journal, and
then what that has come to need; where some of it is gone again, the journal is copied anew.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from director.core.federation import Federation
from director.core.model import BlobId
from director.core.queries import recovered
from director.core.rules import Rules
from director.storage.drafts import PREFIX
from director.storage.errors import DamagedStateError, LockedStateError, StateError
from director.storage.folders import DiskFolder
from director.storage.journal_copy import copy_journal
from director.storage.replaying import replayed
from director.storage.sqlite import SqliteJournal
from director.storage.state import BLOBS, JOURNAL, LOCK, locked
from director.storage.wal import check_wal

_ATTEMPTS = 100
_PIECE_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What was copied."""

    contents: str
    """In words."""
    files: int
    size_bytes: int


def back_up(folder: Path, target: Path) -> Backup:
    """Copy a state directory to a folder that is not there yet; every file is compared.

    Raises:
        DamagedStateError: it is not what was written; the copy is not to be used.
        StateError: it cannot be read, or the copy cannot be written.
    """
    if not (folder / JOURNAL).is_file():
        raise StateError(f"{folder} is not a state directory: it has no {JOURNAL}")
    if target.resolve().is_relative_to(folder.resolve()):
        raise StateError(f"{target} lies in the state directory itself: name a folder elsewhere")
    try:
        lock = locked(folder / LOCK)
    except LockedStateError:
        return _copy(folder, target)  # its Director is at work, and has looked at the log
    except OSError as error:
        raise StateError(f"{folder} cannot be read: {error.strerror}") from error
    try:
        # To open a database makes its log part of it, and what is broken there would be forgotten.
        check_wal(folder / f"{JOURNAL}-wal")
        return _copy(folder, target)
    finally:
        os.close(lock)


def _copy(folder: Path, target: Path) -> Backup:
    try:
        target.mkdir(mode=0o700, parents=True)
        blobs = DiskFolder(target / BLOBS)
        for _ in range(_ATTEMPTS):
            copied = _copy_blobs(folder, target, _blobs_in(folder))
            copy_journal(folder / JOURNAL, target / JOURNAL)
            federation = _replayed(target / JOURNAL)
            needed = set(federation.blobs())
            if _copy_blobs(folder, target, needed - copied) >= needed - copied:
                return _finished(federation, blobs, target)
    except sqlite3.Error as error:
        raise StateError(f"{folder / JOURNAL} cannot be copied: {error}") from error
    except FileExistsError:
        raise StateError(f"{target} is there already: name a folder that is not") from None
    except OSError as error:
        raise StateError(f"{folder} cannot be copied to {target}: {error.strerror}") from error
    raise StateError(f"{folder} changes so fast that no copy of it is consistent: try again")


def _blobs_in(folder: Path) -> set[BlobId]:
    names = DiskFolder(folder / BLOBS).names()
    return {BlobId(name) for name in names if not name.startswith(PREFIX)}


def _copy_blobs(folder: Path, target: Path, blobs: Iterable[BlobId]) -> set[BlobId]:
    """Return those of them that are in the copy now; the others have been deleted meanwhile."""
    copied: set[BlobId] = set()
    for blob in sorted(blobs):
        copy = target / BLOBS / blob
        if copy.exists() or _copy_blob(folder / BLOBS / blob, copy):
            copied.add(blob)
    return copied


def _copy_blob(source: Path, copy: Path) -> bool:
    found = hashlib.sha256()
    try:
        with source.open("rb") as reading, copy.open("xb") as writing:
            while piece := reading.read(_PIECE_BYTES):
                found.update(piece)
                writing.write(piece)
            writing.flush()
            os.fsync(writing.fileno())
    except FileNotFoundError:
        return False
    if found.hexdigest() != source.name:
        raise DamagedStateError(f"{source} is damaged: restore it from an earlier backup")
    return True


def _replayed(path: Path) -> Federation:
    federation = Federation(Rules())
    journal = SqliteJournal(path)
    try:
        for _ in replayed(journal, federation):
            pass
    finally:
        journal.release()
    return federation


def _finished(federation: Federation, blobs: DiskFolder, target: Path) -> Backup:
    needed = set(federation.blobs())
    for name in blobs.names():
        if name not in needed:
            blobs.remove(name)
    blobs.sync()
    DiskFolder(target).sync()
    sizes = [blobs.size_of(name) for name in blobs.names()]
    return Backup(contents=recovered(federation), files=len(sizes), size_bytes=sum(sizes))
