"""Looks into the write-ahead log of a SQLite database before SQLite does.

SQLite takes a log up to the first frame that is not what was written, and is silent about what
follows.  At the end of the log that is a write which nobody was told of; before the end it would
be acknowledged events.  The format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from director.storage.errors import DamagedStateError

_HEADER = struct.Struct(">8I")
HEADER_BYTES = _HEADER.size
"""What a log begins with; two of its words change whenever the log is begun anew."""
_FRAME = struct.Struct(">6I")
_MAGIC = 0x377F0682
"""Its last bit tells the order of bytes in checksums."""
_MASK = 0xFFFFFFFF

Sums = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Frame:
    number: int
    is_commit: bool
    is_whole: bool


def check_wal(path: Path) -> str | None:
    """Return what is to be told of a log's end, where SQLite is going to cut it.

    Raises:
        DamagedStateError: SQLite would leave out what had been committed.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    frames = tuple(_frames(path, content))
    broken = next((frame.number for frame in frames if not frame.is_whole), None)
    if broken is None:
        last_commit = max((frame.number for frame in frames if frame.is_commit), default=0)
        unfinished = len(frames) - last_commit
        return f"{unfinished} pages of an unfinished write are left out" if unfinished else None
    commits = sum(frame.is_commit for frame in frames[broken - 1 :])
    if commits > 1:
        raise DamagedStateError(
            f"{path} is damaged in frame {broken}, and {commits} commits would be lost with it"
        )
    return f"its end is torn, and is cut before frame {broken}"


def _frames(path: Path, content: bytes) -> Iterator[_Frame]:
    """Yield the frames that belong to the log; older ones may lie behind them."""
    header = content[: _HEADER.size]
    if len(header) < _HEADER.size or not any(header):
        return  # nothing was committed yet
    magic, _, page_bytes, _, *salts, first, second = _HEADER.unpack(header)
    order = "big" if magic & 1 else "little"
    sums = _summed(header[:24], (0, 0), order)
    if magic & ~1 != _MAGIC or sums != (first, second):
        raise DamagedStateError(f"{path} has a damaged header")
    pieces = _pieces(content, _FRAME.size + page_bytes, salts)
    for number, frame in enumerate(pieces, start=1):
        if len(frame) < _FRAME.size:
            yield _Frame(number, is_commit=False, is_whole=False)
            return
        _, database_pages, *own_salts, first, second = _FRAME.unpack_from(frame)
        is_whole = len(frame) == _FRAME.size + page_bytes and own_salts == salts
        if is_whole:
            sums = _summed(frame[:8] + frame[_FRAME.size :], sums, order)
            is_whole = sums == (first, second)
        yield _Frame(number, is_commit=database_pages > 0, is_whole=is_whole)
        # A broken frame's own sums let those after it be judged by themselves.
        sums = (first, second)


def _pieces(content: bytes, size: int, salts: list[int]) -> list[bytes]:
    """Return the frames up to the last that bears these salts; others are of an earlier log."""
    pieces = [content[at : at + size] for at in range(_HEADER.size, len(content), size)]
    own = [number for number, piece in enumerate(pieces, start=1) if _salts(piece) == salts]
    end = own[-1] if own else 0
    is_torn = end < len(pieces) and len(pieces[end]) < _FRAME.size
    return pieces[: end + is_torn]


def _salts(piece: bytes) -> list[int] | None:
    return list(_FRAME.unpack_from(piece)[2:4]) if len(piece) >= _FRAME.size else None


def _summed(content: bytes, sums: Sums, order: str) -> Sums:
    first, second = sums
    words = struct.unpack(f"{'>' if order == 'big' else '<'}{len(content) // 4}I", content)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & _MASK
        second = (second + other + first) & _MASK
    return first, second
