"""The journal on SQLite: damage is found and named, and a full disk refuses without harm."""

import asyncio
import logging
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from director.core.events import RunFailed
from director.core.model import ExperimentId
from director.core.snapshots import Snapshot
from director.errors import UnavailableError
from director.storage import DamagedStateError, NewerStateError, NoRoomError, StateError, sqlite
from director.storage.codec import VERSION, Codec
from director.storage.pieces import JsonObject
from director.storage.sqlite import SqliteJournal
from tests.director.storage.records import finished, written_by

pytestmark = pytest.mark.wire

FIXTURES = Path(__file__).parent / "fixtures"


async def given_kept(path: Path, events: int) -> None:
    journal = SqliteJournal(path)
    for number in range(1, events + 1):
        await journal.append(finished(number), float(number))
    await journal.close()


def meddle(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


async def replayed(path: Path) -> list[object]:
    journal = SqliteJournal(path)
    try:
        return [entry.record for entry in journal.replay()]
    finally:
        await journal.close()


async def test_what_is_committed_is_in_the_log_and_synced(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal")

    kept = [
        journal._connection.execute(f"PRAGMA {setting}").fetchone()[0]
        for setting in ("journal_mode", "synchronous", "locking_mode", "secure_delete")
    ]

    full = 2
    assert kept == ["wal", full, "exclusive", True]
    await journal.close()


async def test_many_events_share_one_transaction(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal")
    statements: list[str] = []
    journal._connection.set_trace_callback(statements.append)

    await asyncio.gather(*(journal.append(finished(number), 1.0) for number in range(100)))

    assert statements.count("COMMIT") == 1
    await journal.close()


async def test_an_append_whose_caller_is_gone_is_kept_all_the_same(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal")
    appending = asyncio.create_task(journal.append(finished(1), 1.0))
    await asyncio.sleep(0)

    appending.cancel()
    await journal.close()

    assert await replayed(tmp_path / "journal") == [finished(1)]


async def test_a_record_that_was_changed_stops_the_start_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await given_kept(path, 3)
    meddle(path, "UPDATE record SET body = x'7b7d' WHERE position = 2")

    with pytest.raises(DamagedStateError, match="record 2 is not what was written: restore"):
        await replayed(path)


async def test_a_record_that_is_gone_stops_the_start_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await given_kept(path, 3)
    meddle(path, "DELETE FROM record WHERE position = 2")

    with pytest.raises(DamagedStateError, match="records 2 to 2 are missing"):
        await replayed(path)


async def test_a_torn_last_record_is_cut_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal"
    await given_kept(path, 3)
    meddle(path, "UPDATE record SET body = substr(body, 1, 5) WHERE position = 3")

    with caplog.at_level(logging.WARNING):
        assert await replayed(path) == [finished(1), finished(2)]

    assert "last record (3) is torn" in caplog.text
    assert await replayed(path) == [finished(1), finished(2)]


async def test_what_a_later_version_wrote_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await given_kept(path, 1)
    meddle(path, f"PRAGMA user_version = {VERSION + 1}")

    with pytest.raises(NewerStateError, match="later version"):
        SqliteJournal(path)


async def test_what_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    other, text = tmp_path / "other", tmp_path / "text"
    meddle(other, "CREATE TABLE mine (x)")
    text.write_bytes(b"no database at all" * 500)

    with pytest.raises(StateError, match="is not the journal of a Director"):
        SqliteJournal(other)
    with pytest.raises(DamagedStateError, match="is damaged"):
        SqliteJournal(text)

    assert text.read_bytes().startswith(b"no database")


async def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await given_kept(path, 1)
    journal = SqliteJournal(path)
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(NoRoomError):
        await asyncio.gather(*(journal.append(finished(n), 2.0) for n in range(2, 1_000)))

    journal._connection.execute("PRAGMA max_page_count = 100000")
    position = await journal.append(finished(7), 3.0)
    await journal.close()

    assert position == 2
    assert await replayed(path) == [finished(1), finished(7)]


async def test_a_damaged_snapshot_stops_the_start_though_nothing_follows_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal"
    await given_kept(path, 3)
    journal = SqliteJournal(path)
    await journal.compact(Snapshot(submissions=1, running_limit=1), 9.0, position=3)
    await journal.close()
    meddle(path, "UPDATE record SET body = x'7b7d'")

    with pytest.raises(DamagedStateError, match="record 3 is not what was written"):
        await replayed(path)


async def test_a_damaged_page_stops_the_start_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await given_kept(path, 1_000)
    content = bytearray(path.read_bytes())
    content[3 * 4_096 : 4 * 4_096] = bytes(4_096)
    path.write_bytes(content)

    with pytest.raises(DamagedStateError, match=re.escape(str(path))):
        await replayed(path)


async def test_what_was_removed_is_gone_from_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = SqliteJournal(path)
    secret = RunFailed(experiment=ExperimentId("1"), reason="a secret that nobody may keep")
    position = await journal.append(secret, 1.0)

    await journal.compact(Snapshot(submissions=1, running_limit=1), 2.0, position=position)

    for name in ("journal", "journal-wal"):
        assert b"a secret" not in (tmp_path / name).read_bytes()
    await journal.close()


async def test_what_was_replaced_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = SqliteJournal(path)
    position = 0
    for number in range(1, 21):
        said = RunFailed(experiment=ExperimentId(str(number)), reason="x" * 100_000)
        position = await journal.append(said, 1.0)

    await journal.compact(Snapshot(submissions=1, running_limit=1), 2.0, position=position)

    assert sum(len((tmp_path / name).read_bytes()) for name in ("journal", "journal-wal")) < 100_000
    await journal.append(finished(1), 3.0)
    await journal.close()
    assert len(await replayed(path)) == 2


async def test_an_error_that_nobody_expected_reaches_everybody_who_waits(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal")
    journal._connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)

    outcomes = await asyncio.gather(
        *(journal.append(finished(number), 1.0) for number in range(3)), return_exceptions=True
    )

    assert [isinstance(outcome, UnavailableError) for outcome in outcomes] == [True] * 3
    journal._connection.set_authorizer(None)
    await journal.close()


# ---------------------------------------------------------------- other versions


@pytest.mark.parametrize("version", range(1, VERSION + 1))
async def test_a_journal_that_any_version_left_is_read_and_written_on(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "journal"
    shutil.copy(FIXTURES / f"journal-{version}.sqlite3", path)
    snapshot, events = written_by(version)
    journal = SqliteJournal(path)

    assert [entry.record for entry in journal.replay()] == [snapshot, *events]
    position = await journal.append(finished(7), 99.0)
    await journal.close()

    assert position == len(events) + 2
    assert await replayed(path) == [snapshot, *events, finished(7)]


async def test_what_this_version_left_is_read_by_the_next_which_locks_this_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    await given_kept(path, 2)
    upgraded: list[str] = []

    def upgrade(kind: str, content: JsonObject) -> JsonObject:
        upgraded.append(kind)
        return content

    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "VERSION", VERSION + 1)
        patch.setattr(sqlite, "Codec", lambda: Codec(VERSION + 1, {VERSION: upgrade}))
        journal = SqliteJournal(path)
        await journal.append(finished(3), 3.0)
        assert [entry.record for entry in journal.replay()] == [finished(n) for n in (1, 2, 3)]
        await journal.close()

    assert upgraded == ["RunFinished"] * 2
    with pytest.raises(NewerStateError, match=f"layout {VERSION + 1}"):
        SqliteJournal(path)
