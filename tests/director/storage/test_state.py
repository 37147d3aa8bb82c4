"""The state directory: one Director at a time, and clear words where it cannot be used."""

import os
from pathlib import Path

import pytest

from director.storage import LockedStateError, StateError
from director.storage.state import open_state

pytestmark = pytest.mark.wire


async def test_a_second_director_is_told_who_holds_it(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")

    with pytest.raises(LockedStateError, match=rf"another Director \(process {os.getpid()}\)"):
        open_state(tmp_path / "state")

    await state.journal.close()
    state.release()
    again = open_state(tmp_path / "state")
    await again.journal.close()
    again.release()


async def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match=r"state directory .*file cannot be used"):
        open_state(tmp_path / "file")


async def test_a_damaged_state_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"rubbish" * 1_000)

    for _ in range(2):
        with pytest.raises(StateError, match="is damaged"):
            open_state(tmp_path)
