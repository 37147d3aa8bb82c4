"""A backup that is made while the Director works is one from which a Director can start."""

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from director import cli
from director.core.lifecycle import Status
from director.core.model import ExperimentName, ModelKind
from director.storage import DamagedStateError, StateError
from director.storage.backup import back_up
from director.storage.folders import DiskFolder
from director.storage.state import open_state
from tests.director.house import MRI, House, caller, kept_in, parts
from tests.director.workspace.archives import with_plan

pytestmark = pytest.mark.wire


async def come_and_go(house: House, number: int) -> None:
    """Upload and remove experiments, so that blobs come and go all the time."""
    for nth in range(10_000):
        name = ExperimentName(f"e-{number}-{nth}")
        archive = with_plan(noise=os.urandom(1_000))
        upload = parts(name, archive=archive, chunk_bytes=2**20)
        await house.director.submit(caller(f"owner-{number}"), upload)
        await house.director.remove(caller(f"owner-{number}"), name)


async def test_a_backup_of_a_running_director_is_consistent(tmp_path: Path) -> None:
    async with kept_in(tmp_path / "state") as house:
        await house.register("a")
        await house.submit(MRI)
        await house.work(await house.join(MRI))
        model = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
        load = [asyncio.ensure_future(come_and_go(house, number)) for number in range(4)]
        for number in range(5):
            await asyncio.sleep(0.1)
            await asyncio.to_thread(back_up, tmp_path / "state", tmp_path / f"backup-{number}")
        assert not any(task.done() for task in load)
        for task in load:
            task.cancel()
        await asyncio.wait(load)

    for number in range(5):
        async with kept_in(tmp_path / f"backup-{number}") as house:
            assert [view.shard.envoy for view in house.director.envoys(caller())] == ["a"]
            kept = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
            assert kept["weights"].tolist() == model["weights"].tolist()
            await asyncio.sleep(0.2)
            assert {held.status for held in house.director._federation.catalogue} == {
                Status.IN_PROGRESS
            }
            names = DiskFolder(tmp_path / f"backup-{number}" / "blobs").names()
            assert set(names) == set(house.director._federation.blobs())


async def test_what_has_rotted_is_not_backed_up(tmp_path: Path) -> None:
    async with kept_in(tmp_path / "state") as house:
        await house.submit(MRI)
        archive = house.director._federation.catalogue.running[0].archive
    blob = tmp_path / "state" / "blobs" / archive
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")

    with pytest.raises(DamagedStateError, match=f"{archive} is damaged"):
        back_up(tmp_path / "state", tmp_path / "backup")


async def test_a_backup_keeps_no_director_out_and_is_kept_out_by_none(tmp_path: Path) -> None:
    async with kept_in(tmp_path / "state"):
        back_up(tmp_path / "state", tmp_path / "while-it-runs")
    back_up(tmp_path / "state", tmp_path / "afterwards")

    async with kept_in(tmp_path / "state"):
        pass


def test_what_is_no_state_directory_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="is not a state directory"):
        back_up(tmp_path, tmp_path / "backup")


async def test_a_backup_is_not_kept_in_what_it_is_a_backup_of(tmp_path: Path) -> None:
    async with kept_in(tmp_path / "state") as house:
        await house.register("a")

    with pytest.raises(StateError, match="lies in the state directory itself"):
        back_up(tmp_path / "state", tmp_path / "state" / "backup")

    assert not (tmp_path / "state" / "backup").exists()


async def test_a_command_backs_up_and_overwrites_nothing(tmp_path: Path) -> None:
    async with kept_in(tmp_path / "state") as house:
        await house.register("a")
    arguments = ["backup", "--state-dir", str(tmp_path / "state"), str(tmp_path / "copy")]

    first, second = (CliRunner().invoke(cli.main, arguments) for _ in range(2))

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert "backed up 0 experiments, 1 envoy: 0 files of 0 bytes in all" in first.output
    assert "copy is there already" in second.output


def test_a_command_finds_the_state_directory_as_the_start_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_state(tmp_path / "kept").release()
    monkeypatch.chdir(tmp_path)
    Path("other.yaml").write_text("settings: {state_dir: kept}", encoding="utf-8")
    run = partial(CliRunner().invoke, cli.main)

    nothing = run(["backup", "nothing"])
    named = run(["backup", "-c", "other.yaml", "named"])
    Path("other.yaml").rename("director.yaml")
    usual = run(["backup", "usual"])
    overruled = run(["backup", "-c", "director.yaml", "--state-dir", "elsewhere", "overruled"])

    assert (named.exit_code, usual.exit_code) == (0, 0)
    assert "backed up 0 experiments" in named.output
    assert "backed up 0 experiments" in usual.output
    assert (nothing.exit_code, overruled.exit_code) == (1, 1)
    assert "state is not a state directory" in nothing.output
    assert "elsewhere is not a state directory" in overruled.output


def test_what_forgets_everything_cannot_be_backed_up(tmp_path: Path) -> None:
    config = tmp_path / "director.yaml"
    config.write_text("settings: {state_dir: ':memory:'}", encoding="utf-8")

    result = CliRunner().invoke(cli.main, ["backup", "-c", str(config), str(tmp_path / "copy")])

    assert result.exit_code == 1
    assert "nothing is kept" in result.output


async def test_a_log_that_is_damaged_is_not_made_part_of_the_journal(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    for name in ("", "-wal"):
        (folder / f"journal.sqlite3{name}").write_bytes(b"rubbish" * 100)

    with pytest.raises(DamagedStateError, match="damaged header"):
        back_up(folder, tmp_path / "backup")

    assert (folder / "journal.sqlite3-wal").read_bytes() == b"rubbish" * 100


async def test_a_journal_that_cannot_be_read_is_not_backed_up(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "journal.sqlite3").write_bytes(b"rubbish" * 1_000)

    with pytest.raises(StateError, match="cannot be copied"):
        back_up(folder, tmp_path / "backup")
