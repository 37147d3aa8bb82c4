"""The state directory: a journal, the blobs beside it, and the lock that keeps others out."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from director.storage.errors import LockedStateError, StateError
from director.storage.files import FileArchives
from director.storage.folders import DiskFolder
from director.storage.sqlite import SqliteJournal

JOURNAL = "journal.sqlite3"
BLOBS = "blobs"
LOCK = "lock"


@dataclass(frozen=True, slots=True)
class State:
    """What one Director has open; the lock is held until `release` or the end of the process."""

    journal: SqliteJournal
    archives: FileArchives
    _lock: int

    def release(self) -> None:
        """Let another Director in; nobody may use journal and archives any more."""
        self.journal.release()
        os.close(self._lock)


def open_state(folder: Path) -> State:
    """Open a state directory, which is made where it is not there.

    Raises:
        LockedStateError: another Director uses it.
        StateError: it is damaged, newer than this Director, or cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = locked(folder / LOCK)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        # Files first: they have nothing to close where the journal turns out to be unusable.
        archives = FileArchives(DiskFolder(folder / BLOBS))
        return State(SqliteJournal(folder / JOURNAL), archives, lock)
    except OSError as error:
        os.close(lock)
        raise _unusable(folder, error) from error
    except BaseException:
        os.close(lock)
        raise


def locked(path: Path) -> int:
    """Return the descriptor of the file that names who holds the lock; whoever closes it lets go.

    Raises:
        LockedStateError: another process holds it.
        OSError: the file cannot be made.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    except BlockingIOError:
        holder = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise LockedStateError(
            f"{path.parent} is used by another Director (process {holder}): stop that one, or"
            " choose another state directory"
        ) from None
    except OSError:
        os.close(lock)
        raise
    return lock


def _unusable(folder: Path, error: OSError) -> StateError:
    return StateError(f"the state directory {folder} cannot be used: {error.strerror}")
