"""The state directory: a journal, the blobs beside it, and the lock that keeps others out."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from director.storage.errors import LockedStateError, StateError
from director.storage.files import FileArchives
from director.storage.folders import DiskFolder
from director.storage.sqlite import SqliteJournal


@dataclass(frozen=True, slots=True)
class State:
    """What one Director has open; the lock is held until `release` or the end of the process."""

    journal: SqliteJournal
    archives: FileArchives
    _lock: TextIO

    def release(self) -> None:
        """Let another Director in; nobody may use journal and archives any more."""
        self.journal.release()
        self._lock.close()


def open_state(folder: Path) -> State:
    """Open a state directory, which is made where it is not there.

    Raises:
        LockedStateError: another Director uses it.
        StateError: it is damaged, newer than this Director, or cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _locked(folder / "lock")
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        journal = SqliteJournal(folder / "journal.sqlite3")
        return State(journal, FileArchives(DiskFolder(folder / "blobs")), lock)
    except OSError as error:
        lock.close()
        raise _unusable(folder, error) from error
    except BaseException:
        lock.close()
        raise


def _locked(path: Path) -> TextIO:
    # Opened for appending, so that the name of who holds it is not lost to whoever fails.
    lock = path.open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise LockedStateError(
            f"{path.parent} is used by another Director (process {holder}): stop that one, or"
            " choose another state directory"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _unusable(folder: Path, error: OSError) -> StateError:
    return StateError(f"the state directory {folder} cannot be used: {error.strerror}")
