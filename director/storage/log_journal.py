"""The journal as a file of lines that only grows: for disks in memory, where SQLite cannot be.

Each line begins with a checksum of the rest.  A line that is cut off at the end is what a crash
leaves of an append that nobody was told of; a damaged one before others is damage.
"""

import logging
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import BinaryIO, NamedTuple

from director.core.events import Durable
from director.core.snapshots import Snapshot
from director.offload import Offload, in_thread
from director.storage.batches import Batches
from director.storage.codec import Codec, Encoded
from director.storage.errors import DamagedStateError, refusal_of
from director.storage.folders import Folder
from director.storage.ports import Entry, JournalSize

_log = logging.getLogger(__name__)

_NAME = "journal"
_DRAFT = "journal-unfinished"
_SNAPSHOT = f" {Snapshot.__name__} ".encode()


class _Line(NamedTuple):
    """What one line says."""

    position: int
    now: float
    stored: Encoded

    def to_bytes(self) -> bytes:
        stored = self.stored
        said = f"{self.position} {self.now!r} {stored.version} {stored.kind} ".encode("ascii")
        said += stored.body
        return b"%08x %s\n" % (zlib.crc32(said), said)


class LogJournal:
    """As `director.storage.ports.Journal` demands; the file is made where it is not there.

    Raises:
        OSError: the folder cannot be used.
    """

    def __init__(self, folder: Folder, *, offload: Offload = in_thread) -> None:
        self._folder = folder
        self._codec = Codec()
        self._batches: Batches[tuple[float, Encoded]] = Batches(self._write, offload)
        names = folder.names()
        if _DRAFT in names:
            folder.remove(_DRAFT)
        if _NAME not in names:
            with folder.create(_NAME) as file:
                folder.sync_file(file)
        # Whoever came before may have had no time for it.
        folder.sync()
        self._file = folder.reopen(_NAME)
        self._last = 0
        self._length = 0
        """How many bytes are known to be good."""
        self._snapshot_length = 0
        """How many of these are the snapshot's."""
        self._is_torn = False
        """Whether there is something behind them, which must not stay there."""
        self._is_renamed = False
        """Whether a new name is not synced yet."""
        for line in self._lines():
            self._last = line.position

    def __repr__(self) -> str:
        return f"<LogJournal at position {self._last}>"

    # ------------------------------------------------------------ writing

    @property
    def size(self) -> JournalSize:
        return JournalSize(
            snapshot_bytes=self._snapshot_length,
            events_bytes=self._length - self._snapshot_length,
        )

    async def append(self, event: Durable, now: float) -> int:
        return await self._batches.put((now, self._codec.encode(event)))

    def _write(self, batch: Sequence[tuple[float, Encoded]]) -> int:
        first = self._last + 1
        lines = b"".join(
            _Line(position, now, stored).to_bytes()
            for position, (now, stored) in enumerate(batch, start=first)
        )
        try:
            self._mend()
            self._file.seek(self._length)
            self._file.write(lines)
            self._folder.sync_file(self._file)
        except OSError as error:
            _log.error("the journal cannot be written: %s", error)
            self._give_up()
            raise refusal_of(error) from error
        self._length += len(lines)
        self._last += len(batch)
        return first

    def _mend(self) -> None:
        """Make up for what earlier failures have left behind."""
        if self._file.closed:
            self._file = self._folder.reopen(_NAME)
        if self._is_torn:
            self._file.truncate(self._length)
            self._is_torn = False
        if self._is_renamed:
            self._folder.sync()
            self._is_renamed = False

    def _give_up(self) -> None:
        """Forget what could not be written; where even that fails, the next append does it."""
        self._is_torn = True
        # A buffer that cannot be written any more fails once more when it is closed.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._mend()

    async def compact(self, snapshot: Snapshot, now: float, *, position: int) -> None:
        await self._batches.between(partial(self._replace, snapshot, now, position))

    def _replace(self, snapshot: Snapshot, now: float, position: int) -> None:
        first = _Line(position, now, self._codec.encode(snapshot)).to_bytes()
        later = [line for line in self._lines() if line.position > position]
        content = first + b"".join(line.to_bytes() for line in later)
        try:
            draft = self._draft(content)
            self._folder.replace(_DRAFT, _NAME)
        except OSError as error:
            with suppress(OSError):
                self._folder.remove(_DRAFT)
            raise refusal_of(error) from error
        self._file.close()
        self._file, self._is_renamed = draft, True
        self._length, self._snapshot_length = len(content), len(first)
        try:
            self._mend()
        except OSError as error:
            # Nothing is lost: before the next append is answered, the name is synced.
            _log.warning("the journal's new name is not safe yet: %s", error)

    def _draft(self, content: bytes) -> BinaryIO:
        draft = self._folder.create(_DRAFT)
        try:
            draft.write(content)
            self._folder.sync_file(draft)
        except OSError:
            with suppress(OSError):
                draft.close()
            raise
        return draft

    # ------------------------------------------------------------ reading

    def replay(self) -> Iterator[Entry]:
        for line in self._lines():
            try:
                record = self._codec.decode(line.stored)
            except DamagedStateError as error:
                raise DamagedStateError(f"record {line.position} cannot be read: {error}") from None
            yield Entry(line.position, line.now, record)

    def _lines(self) -> Iterator[_Line]:
        """Yield every line; cut what a crash has left of the last one.

        Raises:
            DamagedStateError: a line is damaged, or lines are missing.
        """
        content = self._folder.read_at(self._file, 0, self._folder.size_of(_NAME))
        at = 0
        expected: int | None = None
        for raw in content.splitlines(keepends=True):
            line = _read(raw)
            if line is None:
                later = content[at + len(raw) :].splitlines(keepends=True)
                # A snapshot was synced before it got its name: no crash can have torn it.
                if _SNAPSHOT in raw or any(map(_read, later)):
                    raise DamagedStateError(
                        f"the journal is damaged at byte {at}, after position {(expected or 1) - 1}"
                    )
                if not self._is_torn:
                    _log.warning(
                        "the journal's end is torn, and is cut: %d bytes after position %d",
                        len(content) - at,
                        (expected or 1) - 1,
                    )
                self._is_torn = True
                break
            if expected is not None and line.position != expected:
                raise DamagedStateError(
                    f"records {expected} to {line.position - 1} are missing from the journal"
                )
            if expected is None:
                self._snapshot_length = len(raw) if _SNAPSHOT in raw else 0
            expected = line.position + 1
            at += len(raw)
            yield line
        self._length = at

    async def close(self) -> None:
        await self._batches.settle()
        self._file.close()


def _read(raw: bytes) -> _Line | None:
    """Return what a line says, or nothing where it is not what was written."""
    checksum, _, said = raw.removesuffix(b"\n").partition(b" ")
    if not raw.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(said):
        return None
    position, now, version, kind, body = said.split(b" ", 4)
    stored = Encoded(version=int(version), kind=kind.decode("ascii"), body=body)
    return _Line(int(position), float(now), stored)
