"""A history as JSON lines: the header first, then one entry a line, in order.

The form is canonical, so that equal histories are equal files, byte for byte: fixed order of an
entry's fields, keys of values sorted, no blanks, ASCII with escapes, floats as `repr` writes them
(the shortest text that reads back as the same float), no NaN and no infinity.  An integer and a
float that are equal are still written as what they are: `1` and `1.0`.
Lists and tuples are both written as lists, and read as lists.
The header tells how many entries follow, so that a file that was cut short is noticed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from simulator.history.entry import Entry, Header, Json, JsonObject, Kind
from simulator.history.fields import RecordError, as_table, flag, number, table, text, texts, whole
from simulator.history.history import History

VERSION = 1
"""Of this form; another is refused."""

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
).encode


class DamagedHistoryError(ValueError):
    """A file holds no history, or not all of it; the message names file and line."""


def dump(history: History, path: Path) -> None:
    """Write a history to a file, replacing what is there.

    Raises:
        ValueError: a value is not JSON; the message says which entry.
    """
    with path.open("w", encoding="ascii", newline="\n") as file:
        for line in lines(history):
            file.write(line)
            file.write("\n")


def load(path: Path) -> History:
    """Read a history from a file that `dump` wrote.

    Raises:
        DamagedHistoryError: it is no such file, or damaged.
        OSError: it cannot be read.
    """
    # A byte that is not ASCII becomes an escape that JSON does not know, on the line it stands on.
    with path.open(encoding="ascii", errors="backslashreplace", newline="\n") as file:
        try:
            header, count = _header(_object(file.readline()))
        except ValueError as error:
            raise DamagedHistoryError(f"{path}:1: no header of a history: {error}") from error
        entries = list(_entries(path, file))
    if len(entries) != count:
        raise DamagedHistoryError(
            f"{path}:{len(entries) + 2}: {count} entries were written, but {len(entries)} are here"
        )
    try:
        return History(header, entries)
    except RecordError as error:
        raise DamagedHistoryError(f"{path}: {error} (entry n is on line n + 2)") from error


def lines(history: History) -> Iterator[str]:
    """Yield a history line by line, without line ends.

    Raises:
        ValueError: a value is not JSON; the message says which entry.
    """
    yield _header_line(history.header, len(history.entries))
    for entry in history.entries:
        try:
            yield _entry_line(entry)
        except (TypeError, ValueError) as error:
            raise ValueError(f"entry {entry.index} ({entry.topic}) is not JSON: {error}") from error


def _header_line(header: Header, entries: int) -> str:
    return _encode(
        {
            "case": header.case,
            "dead_after_s": header.dead_after_s,
            "entries": entries,
            "epoch": header.epoch,
            "heartbeat_period_s": header.heartbeat_period_s,
            "identity": header.identity,
            "max_age_s": header.max_age_s,
            "max_stored_bytes": header.max_stored_bytes,
            "may_queue": header.may_queue,
            "quorum": header.quorum,
            "sample_shape": list(header.sample_shape),
            "scenario": header.scenario,
            "seed": header.seed,
            "target_shape": list(header.target_shape),
            "transit_s": header.transit_s,
            "version": header.version,
            "waits_for_slow": header.waits_for_slow,
            "world": header.world,
        }
    )


def _entry_line(entry: Entry) -> str:
    # Written by hand, because the order is for people: when, what, who, then the rest.
    return (
        f'{{"index":{entry.index},"time":{_encode(float(entry.time))},"kind":"{entry.kind.value}",'
        f'"actor":{_encode(entry.actor)},"topic":{_encode(entry.topic)},"call":{entry.call},'
        f'"value":{_encode(entry.value)}}}'
    )


def _header(value: JsonObject) -> tuple[Header, int]:
    version = whole(value, "version")
    if version != VERSION:
        raise ValueError(f"it has version {version}; this program reads version {VERSION}")
    header = Header(
        scenario=text(value, "scenario"),
        seed=whole(value, "seed"),
        case=table(value, "case"),
        world=text(value, "world"),
        identity=text(value, "identity"),
        epoch=number(value, "epoch"),
        heartbeat_period_s=number(value, "heartbeat_period_s"),
        transit_s=number(value, "transit_s"),
        sample_shape=texts(value, "sample_shape"),
        target_shape=texts(value, "target_shape"),
        may_queue=flag(value, "may_queue", default=True),
        quorum=text(value, "quorum", "all"),
        dead_after_s=number(value, "dead_after_s", 0.0),
        waits_for_slow=flag(value, "waits_for_slow", default=True),
        max_age_s=number(value, "max_age_s", 0.0),
        max_stored_bytes=whole(value, "max_stored_bytes", 0),
        version=version,
    )
    return header, whole(value, "entries")


def _entries(path: Path, file: TextIO) -> Iterator[Entry]:
    for position, line in enumerate(file):
        try:
            yield _entry(_object(line), position)
        except ValueError as error:
            raise DamagedHistoryError(f"{path}:{position + 2}: no entry: {error}") from error


def _entry(value: JsonObject, index: int) -> Entry:
    if whole(value, "index") != index:
        raise ValueError(f"entry {index} is expected here, but this is {value['index']!r}")
    return Entry(
        index=index,
        time=number(value, "time"),
        kind=Kind(text(value, "kind")),
        actor=text(value, "actor"),
        topic=text(value, "topic"),
        call=whole(value, "call"),
        value=table(value, "value"),
    )


def _object(line: str) -> JsonObject:
    if not line.endswith("\n"):
        raise ValueError("the line is cut off" if line else "the file is empty")
    value: Json = json.loads(line, parse_constant=_no_constant)
    return as_table(value, "the line")


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON number")
