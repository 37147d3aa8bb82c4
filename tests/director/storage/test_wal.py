"""The log of a killed process: what was not finished is cut; damage is not mistaken for that."""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from director.storage import DamagedStateError, NoRoomError
from director.storage.sqlite import SqliteJournal
from director.storage.wal import check_wal
from tests.director.storage.records import finished

pytestmark = pytest.mark.wire

EVENTS = 5
PAGE, FRAME, HEADER = 4_096, 4_120, 32


async def killed(folder: Path) -> Path:
    """A journal as a killed process leaves it: each event is a commit in the log."""
    journal = SqliteJournal(folder / "living")
    journal._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(1, EVENTS + 1):
        await journal.append(finished(number), float(number))
    for suffix in ("", "-wal"):
        shutil.copy(folder / f"living{suffix}", folder / f"killed{suffix}")
    await journal.close()
    return folder / "killed"


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def changed(path: Path, change: Callable[[bytearray], object]) -> None:
    content = bytearray(log_of(path).read_bytes())
    change(content)
    log_of(path).write_bytes(content)


async def replayed(path: Path) -> list[object]:
    journal = SqliteJournal(path)
    try:
        return [entry.record for entry in journal.replay()]
    finally:
        await journal.close()


async def test_a_log_as_a_kill_leaves_it_is_whole(tmp_path: Path) -> None:
    path = await killed(tmp_path)

    assert check_wal(log_of(path)) is None
    assert await replayed(path) == [finished(number) for number in range(1, EVENTS + 1)]
    assert check_wal(log_of(path)) is None


@pytest.mark.parametrize("lost_bytes", [1, 100, PAGE, FRAME - 1])
async def test_a_torn_end_is_cut_with_a_warning(
    tmp_path: Path, lost_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = await killed(tmp_path)
    changed(path, lambda content: content.__delitem__(slice(-lost_bytes, None)))

    with caplog.at_level(logging.WARNING):
        kept = await replayed(path)

    assert kept == [finished(number) for number in range(1, EVENTS)]
    assert "its end is torn, and is cut before frame 5" in caplog.text


@pytest.mark.parametrize("frame", range(EVENTS - 1))
@pytest.mark.parametrize("place", [0, 9, 20, 24, 2_000, FRAME - 1])
async def test_damage_before_the_end_stops_the_start_and_is_named(
    tmp_path: Path, frame: int, place: int
) -> None:
    path = await killed(tmp_path)

    def flip(content: bytearray) -> None:
        content[HEADER + frame * FRAME + place] ^= 1

    changed(path, flip)

    with pytest.raises(DamagedStateError) as refused:
        SqliteJournal(path)
    assert f"{log_of(path)} is damaged in frame {frame + 1}" in str(refused.value)


async def test_a_damaged_header_stops_the_start(tmp_path: Path) -> None:
    path = await killed(tmp_path)

    def flip(content: bytearray) -> None:
        content[20] ^= 1

    changed(path, flip)

    with pytest.raises(DamagedStateError, match="damaged header"):
        SqliteJournal(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 32, b"\x37\x7f"])
def test_a_log_that_was_never_begun_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x-wal").write_bytes(content)

    assert check_wal(tmp_path / "x-wal") is None
    assert check_wal(tmp_path / "absent-wal") is None


async def test_what_an_unfinished_transaction_wrote_is_told_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "living"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("BEGIN")
    # More than the cache holds, so that pages are written before their commit.
    connection.executemany("INSERT INTO t VALUES (?)", [(b"x" * 3_000,)] * 50)
    shutil.copy(log_of(path), tmp_path / "killed-wal")
    connection.execute("ROLLBACK")
    connection.close()

    told = check_wal(tmp_path / "killed-wal")

    assert told is not None
    assert "of an unfinished write are left out" in told


async def test_what_an_earlier_log_has_left_behind_is_no_damage(tmp_path: Path) -> None:
    path = await killed(tmp_path)
    whole = log_of(path).read_bytes()

    # Frames of another log, with salts of their own, and then half of one.
    old = bytearray(whole[HEADER:])
    for frame in range(EVENTS):
        old[frame * FRAME + 8] ^= 1
    changed(path, lambda content: content.extend(old + old[:10]))

    assert check_wal(log_of(path)) is None


async def test_a_write_that_failed_leaves_nothing_that_looks_like_damage(tmp_path: Path) -> None:
    path = tmp_path / "living"
    journal = SqliteJournal(path)
    journal._connection.execute("PRAGMA cache_size = 1")
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    refused = [journal.append(finished(number), 1.0) for number in range(20_000)]
    outcomes = await asyncio.gather(*refused, return_exceptions=True)
    assert all(isinstance(outcome, NoRoomError) for outcome in outcomes)
    assert len(log_of(path).read_bytes()) > 10 * FRAME

    for number in range(1, 4):
        await journal.append(finished(number), 1.0)
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"living{suffix}", tmp_path / f"killed{suffix}")
    await journal.close()

    assert check_wal(tmp_path / "killed-wal") is None
    assert await replayed(tmp_path / "killed") == [finished(number) for number in range(1, 4)]
