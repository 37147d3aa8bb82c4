"""`director backup` beside a Director under load, each a process of its own; the copy is judged."""

import asyncio
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from tests.director.test_durability_kills import (
    ENDLESS,
    LONG,
    Ledger,
    acknowledged,
    examine,
    examine_long,
    free_port,
    life,
    load,
)
from tests.director.transport.test_real_director import upload

pytestmark = [pytest.mark.wire, pytest.mark.slow]

BACKUPS = 4


async def back_up(state: Path, target: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from director.cli import main; main()"),
        *("backup", "--state-dir", str(state), str(target)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert said.startswith(b"backed up "), said.decode()


async def test_a_director_on_a_backup_knows_all_that_was_acknowledged_when_it_began(
    tmp_path: Path,
) -> None:
    ledger, then = Ledger(), list[Ledger]()
    async with life(tmp_path, free_port()) as here:
        alice = here.peer("alice")
        call = alice.director.SetNewExperiment(
            upload(ENDLESS, name=LONG, to=("env-0",)), metadata=alice.metadata
        )
        assert (await call).accepted
        loads = [asyncio.ensure_future(load(here, number, ledger)) for number in range(3)]
        for number in range(BACKUPS):
            await acknowledged(ledger, len(ledger.envoys) + 50, loads[0])
            then.append(deepcopy(ledger))
            await back_up(tmp_path / "state", tmp_path / f"restored-{number}" / "state")
        assert not any(loading.done() for loading in loads)
        here.process.kill()
        await asyncio.wait(loads)

    for number, known in enumerate(then):
        # What was to be removed may have gone while it was copied.
        known.removing = ledger.removing
        async with life(tmp_path / f"restored-{number}", free_port()) as here:
            assert "recovered: " in "".join(here.log)
            await examine(here, known)
            await examine_long(here, known)
