"""Real disks that are full, read-only or limited: refusals without residue, and recovery."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from director.errors import UnavailableError
from director.storage import NoRoomError, StateError
from director.storage.state import open_state
from tests.director.house import ARCHIVE, MRI, House, caller, kept_in, parts, shard
from tests.director.workspace.archives import with_plan

pytestmark = pytest.mark.wire

ROOM_BYTES = 2 * 2**20
LARGE = with_plan(noise=os.urandom(3 * 2**19))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with little room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "none", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:  # noqa: S603
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607


def fill(folder: Path) -> Path:
    """Leave no room in it; return what to delete to have it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))
    return ballast


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)  # noqa: S603, S607


def blobs_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "state" / "blobs").iterdir())


async def test_a_full_disk_refuses_without_residue_and_recovers(small_disk: Path) -> None:
    async with kept_in(small_disk / "state") as house:
        await house.register("early")
        await house.director.submit(caller(), parts(MRI, archive=ARCHIVE, chunk_bytes=2**20))
        before = blobs_in(small_disk)
        ballast = fill(small_disk)

        with pytest.raises(NoRoomError, match="no room left"):
            await house.director.submit(caller(), parts("large", archive=LARGE, chunk_bytes=2**20))
        registered = await registered_until_refused(house)

        await asyncio.sleep(0.2)
        assert blobs_in(small_disk) == before
        listed = [view.shard.envoy for view in house.director.envoys(caller())]
        assert listed == ["early", *registered]
        assert [view.name for view in house.director.experiments(caller())] == [MRI]
        ballast.unlink()
        await house.register("late")

    async with kept_in(small_disk / "state") as house:
        listed = [view.shard.envoy for view in house.director.envoys(caller())]
        assert listed == ["early", *registered, "late"]
        assert [view.name for view in house.director.experiments(caller())] == [MRI]


async def registered_until_refused(house: House) -> list[str]:
    """What the journal's file had room for is acknowledged, and no more."""
    registered: list[str] = []
    while True:
        name = f"envoy-{len(registered)}"
        try:
            assert await house.director.report_shard(caller(name), shard(name))
        except UnavailableError:
            return registered
        registered.append(name)


async def test_a_disk_without_any_room_is_told_at_the_start(small_disk: Path) -> None:
    fill(small_disk)

    with pytest.raises(StateError, match="cannot be used"):
        open_state(small_disk / "state")


async def test_a_disk_that_cannot_be_written_is_told_at_the_start(small_disk: Path) -> None:
    async with kept_in(small_disk / "state") as house:
        await house.register("early")
    make_read_only(small_disk)

    with pytest.raises(StateError, match=r"disk.* cannot be used"):
        open_state(small_disk / "state")


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from tests.director.test_durability_disks import kept_in, registered_until_refused

async def main(folder):
    async with kept_in(Path(folder, "state")) as house:
        # As a quota does: no file may grow any more.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await registered_until_refused(house)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        await house.register("late")

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.slow
async def test_a_limit_on_files_refuses_and_is_recovered_from(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LIMITED, str(tmp_path))

    assert await process.wait() == 0
    async with kept_in(tmp_path / "state") as house:
        assert "late" in [view.shard.envoy for view in house.director.envoys(caller())]
