"""The journal in a SQLite database: one row a record, many appends to one fsync.

With write-ahead logging and `synchronous=FULL` a transaction that was committed survives power loss
(https://www.sqlite.org/pragma.html#pragma_synchronous).  One thread alone uses the connection.
"""

import asyncio
import logging
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from director.core.events import Durable
from director.core.snapshots import Snapshot
from director.errors import DirectorError
from director.offload import in_thread
from director.storage.batches import Batches
from director.storage.codec import VERSION, Codec, Encoded
from director.storage.errors import (
    DamagedStateError,
    DiskFailedError,
    NoRoomError,
    StateError,
)
from director.storage.ports import Entry, JournalSize
from director.storage.wal import check_wal

_log = logging.getLogger(__name__)

_APPLICATION_ID = 0x53515541  # "SQUA": tells our files from other databases
_CREATE = (
    "CREATE TABLE record (position INTEGER PRIMARY KEY, now REAL NOT NULL,"
    " version INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL, checksum INTEGER NOT NULL)"
)
_INSERT = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT position, now, version, kind, body, checksum FROM record ORDER BY position"
_SIZES = "SELECT kind = ?, sum(length(body)) FROM record GROUP BY 1"
_RESTORE = "restore a backup, or start with an empty state directory"

_EMPTY_THE_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"

T = TypeVar("T")
_Row = tuple[int, float, int, str, bytes, int]


class SqliteJournal:
    """As `director.storage.ports.Journal` demands; the file is made where it is not there.

    Raises:
        NewerStateError: a later version wrote it.
        StateError: it is no journal, is damaged, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._codec = Codec()
        self._batches: Batches[tuple[float, Encoded]] = Batches(self._insert, self._in_thread)
        self._is_spoilt = False
        """Whether a write that failed may have left something in the log."""
        try:
            _look_into_the_log(path)
            self._connection = _opened(path, self._codec)
            self._last = self._last_position()
            self.size = self._size()
        except sqlite3.Error as error:
            raise _unusable(path, error) from error

    def __repr__(self) -> str:
        return f"<SqliteJournal at position {self._last}>"

    # ------------------------------------------------------------ writing

    async def append(self, event: Durable, now: float) -> int:
        return await self._batches.put((now, self._codec.encode(event)))

    def _insert(self, batch: Sequence[tuple[float, Encoded]]) -> int:
        first = self._last + 1
        rows = [
            _row(position, now, stored) for position, (now, stored) in enumerate(batch, start=first)
        ]
        self._transact(lambda: self._connection.executemany(_INSERT, rows))
        self._last += len(batch)
        added_bytes = sum(len(stored.body) for _, stored in batch)
        self.size = self.size._replace(events_bytes=self.size.events_bytes + added_bytes)
        return first

    async def compact(self, snapshot: Snapshot, now: float, *, position: int) -> None:
        # Elsewhere, so that events can be appended meanwhile.
        row = await in_thread(lambda: _row(position, now, self._codec.encode(snapshot)))
        await self._in_thread(partial(self._replace, row, position))

    def _replace(self, row: _Row, position: int) -> None:

        def replace() -> None:
            self._connection.execute("DELETE FROM record WHERE position <= ?", (position,))
            self._connection.execute(_INSERT, row)

        self._transact(replace)
        self.size = self._size()
        # What was replaced gives its room back, and nothing of it stays in the log.
        try:
            self._connection.execute(_EMPTY_THE_LOG)
        except sqlite3.Error as error:
            _log.warning("the journal's log stays as long as it is: %s", error)

    def _transact(self, work: Callable[[], object]) -> None:
        try:
            if self._is_spoilt:
                # Behind what is written next it would look like damage.
                busy, *_ = self._connection.execute(_EMPTY_THE_LOG).fetchone()
                self._is_spoilt = bool(busy)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                work()
                self._connection.execute("COMMIT")
            except BaseException:
                self._is_spoilt = True
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            _log.error("the journal cannot be written: %s", error)
            raise _refusal(error) from error

    async def _in_thread(self, work: Callable[[], T], /) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # ------------------------------------------------------------ reading

    def replay(self) -> Iterator[Entry]:
        expected: int | None = None
        try:
            for row in self._connection.execute(_SELECT):
                position, now, version, kind, body, checksum = row
                record = Encoded(version=version, kind=kind, body=body)
                if checksum != _checksum(position, now, record):
                    is_snapshot = kind == Snapshot.__name__ or (expected is None and position > 1)
                    self._cut_or_refuse(position, is_snapshot=is_snapshot)
                    return
                if expected is not None and position != expected:
                    raise DamagedStateError(
                        f"{self._path}: records {expected} to {position - 1} are missing:"
                        f" {_RESTORE}"
                    )
                expected = position + 1
                yield Entry(position, now, self._decoded(position, record))
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    def _decoded(self, position: int, stored: Encoded) -> Durable | Snapshot:
        try:
            return self._codec.decode(stored)
        except DamagedStateError as error:
            why = f"{self._path}: record {position} cannot be read ({error}): {_RESTORE}"
            raise DamagedStateError(why) from error

    def _cut_or_refuse(self, position: int, *, is_snapshot: bool) -> None:
        """Give up a damaged last event, as a torn write leaves it; refuse anything else."""
        if position != self._last or is_snapshot:
            raise DamagedStateError(
                f"{self._path}: record {position} is not what was written: {_RESTORE}"
            )
        _log.warning("the journal's last record (%d) is torn, and is left out", position)
        self._transact(
            lambda: self._connection.execute("DELETE FROM record WHERE position = ?", (position,))
        )
        self._last = position - 1
        self.size = self._size()

    def _size(self) -> JournalSize:
        sizes = dict(self._connection.execute(_SIZES, (Snapshot.__name__,)).fetchall())
        return JournalSize(snapshot_bytes=sizes.get(1, 0), events_bytes=sizes.get(0, 0))

    def _last_position(self) -> int:
        (last,) = self._connection.execute("SELECT max(position) FROM record").fetchone()
        return last or 0

    async def close(self) -> None:
        await self._batches.settle()
        await self._in_thread(self._connection.close)
        self.release()

    def release(self) -> None:
        """Let go of the file where nobody uses it any more; harmless when repeated."""
        self._thread.shutdown()
        self._connection.close()


def _look_into_the_log(path: Path) -> None:
    try:
        warning = check_wal(path.with_name(f"{path.name}-wal"))
    except OSError as error:
        raise StateError(f"{path} cannot be used: {error.strerror}") from error
    except DamagedStateError as error:
        raise DamagedStateError(f"{error}: {_RESTORE}") from None
    if warning:
        _log.warning("the journal's log was not finished: %s", warning)


def _opened(path: Path, codec: Codec) -> sqlite3.Connection:
    # Transactions are begun by hand; the thread that uses it is not the one that opens it.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        # The log's index stays in our own memory.  A file that is mapped would kill the process as
        # soon as its file system is read-only (https://www.sqlite.org/wal.html#noshm).
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        # A file that is new becomes shorter when a snapshot takes the place of what was longer.
        connection.execute("PRAGMA auto_vacuum = FULL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # What was removed is to be gone, not only forgotten.
        connection.execute("PRAGMA secure_delete = ON")
        _prepare(connection, path, codec)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, codec: Codec) -> None:
    """Make what a new file lacks, or see whether it is ours, known and whole."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables and not application:
        connection.executescript(
            f"BEGIN; {_CREATE}; PRAGMA application_id = {_APPLICATION_ID}; COMMIT"
        )
    elif application != _APPLICATION_ID:
        raise StateError(f"{path} is not the journal of a Director: {_RESTORE}")
    codec.check_version(version)
    if version != VERSION:
        # Whoever opens it writes records of its own version from now on.
        connection.execute(f"PRAGMA user_version = {VERSION}")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise DamagedStateError(f"{path} is damaged ({verdict}): {_RESTORE}")


def _row(position: int, now: float, stored: Encoded) -> _Row:
    checksum = _checksum(position, now, stored)
    return position, now, stored.version, stored.kind, stored.body, checksum


def _checksum(position: int, now: float, stored: Encoded) -> int:
    place = struct.pack("<qdq", position, now, stored.version)
    return zlib.crc32(stored.body, zlib.crc32(place + stored.kind.encode()))


def _refusal(error: sqlite3.Error) -> DirectorError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return NoRoomError() if code == sqlite3.SQLITE_FULL else DiskFailedError()


def _unusable(path: Path, error: sqlite3.Error) -> StateError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return DamagedStateError(f"{path} is damaged ({error}): {_RESTORE}")
    return StateError(f"{path} cannot be used ({error}): look at its rights and its disk")
