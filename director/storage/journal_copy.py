"""Copies the journal of a Director that works, which lets nobody else open its database.

The database is copied first, and then its log.  As long as the log is not begun anew in between,
all that went into the database meanwhile is in the log, too: together they are a moment's state,
as after a power cut.
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from director.storage.errors import DamagedStateError, StateError
from director.storage.wal import HEADER_BYTES, check_wal

_ATTEMPTS = 100
_DAMAGES = 10
"""What is written in the moment in which it is read may look damaged; not so often, though."""

_Generation = tuple[bytes, int]


def copy_journal(source: Path, copy: Path) -> None:
    """Make a database that holds what the journal held at one moment of this call.

    Raises:
        DamagedStateError: it is not what was written.
        StateError: it changes too fast.
        OSError: it cannot be read, or the copy cannot be written.
    """
    damages = 0
    for _ in range(_ATTEMPTS):
        before = _generation(source)
        _copy(source, copy)
        _copy(_log_of(source), _log_of(copy))
        if _generation(source) != before:
            continue
        try:
            check_wal(_log_of(copy))
        except DamagedStateError:
            damages += 1
            if damages < _DAMAGES:
                continue
            raise
        _take_in_the_log(copy)
        return
    raise StateError(f"{source} changes so fast that no copy of it is consistent: try again")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _generation(path: Path) -> _Generation:
    """Return what changes whenever the log is begun anew."""
    try:
        with _log_of(path).open("rb") as log:
            header = log.read(HEADER_BYTES)
    except FileNotFoundError:
        header = b""
    # An empty log may have been full meanwhile; then the database has changed.
    return header, 0 if header else path.stat().st_mtime_ns


def _copy(source: Path, copy: Path) -> None:
    with copy.open("wb") as writing:
        with suppress(FileNotFoundError), source.open("rb") as reading:
            shutil.copyfileobj(reading, writing)
        writing.flush()
        os.fsync(writing.fileno())


def _take_in_the_log(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
