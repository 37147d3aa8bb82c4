"""A real file system that may not be written any more, under a Director that serves on sockets.

Linux remounts nothing read-only under a file that is open for writing, and a journal always is.  So
it happens in two other ways: somebody makes files and folders immutable, and can take it back; or
the file system finds itself damaged, and is read-only until it is mounted anew.
"""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest

from director.core.model import BlobId
from director.director import Director
from director.storage.state import open_state
from director.workspace import federation_id
from protos import director_pb2
from tests.director.house import plan_of
from tests.director.transport.served import served
from tests.director.transport.test_real_director import WEIGHTS, Peer, peer, upload

pytestmark = pytest.mark.wire

SIZE_BYTES = 16 * 2**20
TOOLS = ("mkfs.ext4", "fsck.ext4", "mount", "umount", "findmnt", "chattr")
LAST = director_pb2.GetTrainedModelRequest.LAST_MODEL


def run(*command: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, check=False, capture_output=True)  # noqa: S603


class Disk:
    """A small ext4 of its own, on a loop device."""

    def __init__(
        self,
        image: Path,
        folder: Path,
        *,
        size_bytes: int = SIZE_BYTES,
        on_error: str = "remount-ro",
    ) -> None:
        self.folder = folder
        self._on_error = on_error
        self._image = image
        image.write_bytes(b"")
        with image.open("r+b") as file:
            file.truncate(size_bytes)
        folder.mkdir()
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            pytest.skip(f"file systems cannot be made here without {', '.join(missing)}")
        # Without a journal of its own nothing is aborted: what was written stays readable.
        made = run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", image)
        if made.returncode or self.mount().returncode:
            pytest.skip("file systems cannot be made and mounted here")

    def mount(self) -> subprocess.CompletedProcess[bytes]:
        options = f"loop,errors={self._on_error}"
        return run("mount", "-o", options, self._image, self.folder)

    def unmount(self) -> None:
        run("chattr", "-R", "-i", self.folder)
        assert run("umount", self.folder).returncode == 0

    def find_itself_damaged(self) -> None:
        device = run("findmnt", "-no", "SOURCE", self.folder).stdout.decode().strip()
        trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
        if not trigger.exists():
            pytest.skip("this kernel's ext4 cannot be told to fail")
        trigger.write_text("as the test asks", encoding="ascii")

    def mend(self) -> None:
        """Do what an operator does: check it, and mount it anew."""
        self.unmount()
        self.come_back()

    def come_back(self) -> None:
        run("fsck.ext4", "-fy", self._image)
        assert self.mount().returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "image", tmp_path / "disk")
    yield disk
    disk.unmount()


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Peer, Peer]]:
    """An envoy and an owner of a Director that keeps its state there."""
    state = open_state(folder / "state")
    try:
        async with (
            served(director_cls=Director, journal=state.journal, archives=state.archives) as it,
            peer(it, "env-1") as envoy,
            peer(it, "alice") as alice,
        ):
            yield envoy, alice
    finally:
        state.release()


async def given_one_round(envoy: Peer, alice: Peer) -> None:
    assert await envoy.register()
    await submit(alice, "brain-mri")
    assert await envoy.wait() == "brain-mri"
    archive = await envoy.download()
    await envoy.collaborate(federation_id(plan_of(archive)))
    await submit(alice, "runs")
    assert await envoy.wait() == "runs"
    assert await envoy.download("runs")


async def submit(alice: Peer, name: str) -> None:
    call = alice.director.SetNewExperiment(
        upload(name=name, to=("env-1",)), metadata=alice.metadata
    )
    assert (await call).accepted


async def refused(work: AsyncIterator[object] | object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await work  # type: ignore[misc]
    return error.value.code(), error.value.details() or ""


async def examine_reads(envoy: Peer, alice: Peer, experiments: Sequence[str]) -> None:
    """Whatever needs no writing is answered, and answered right."""
    listed = await alice.director.GetExperimentsList(
        director_pb2.GetExperimentsListRequest(), metadata=alice.metadata
    )
    assert [each.name for each in listed.experiments] == experiments
    assert np.frombuffer(await alice.model(LAST), "<f4").tolist() == (WEIGHTS + 3).tolist()
    beat = await envoy.director.UpdateEnvoyStatus(
        director_pb2.UpdateEnvoyStatusRequest(name="env-1")
    )
    assert beat.health_check_period.seconds > 0
    known = await alice.director.GetEnvoys(director_pb2.GetEnvoysRequest())
    assert [info.is_online for info in known.envoy_infos] == [True]
    assert await envoy.download("runs")


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "state" / "blobs").iterdir())


async def examine_refusals(folder: Path, envoy: Peer, alice: Peer) -> None:
    """Whatever needs writing is refused, with words and without residue."""
    before = files_in(folder)
    for work in (envoy.register(), submit(alice, "refused")):
        code, words = await refused(work)
        assert code is grpc.StatusCode.UNAVAILABLE
        assert words == "the Director cannot store this or read it at the moment: its disk fails"
    await examine_reads(envoy, alice, ["brain-mri", "runs"])
    assert files_in(folder) == before


async def examine_recovered(folder: Path, envoy: Peer, alice: Peer) -> None:
    assert await envoy.register()
    await submit(alice, "refused")
    await examine_reads(envoy, alice, ["brain-mri", "runs", "refused"])
    assert all(len(BlobId(name)) == 64 for name in files_in(folder))


async def test_a_folder_that_becomes_immutable_refuses_and_recovers(disk: Disk) -> None:
    async with serving(disk.folder) as (envoy, alice):
        await given_one_round(envoy, alice)
        if run("chattr", "-R", "+i", disk.folder / "state").returncode:
            pytest.skip("files cannot be made immutable here")

        await examine_refusals(disk.folder, envoy, alice)
        run("chattr", "-R", "-i", disk.folder / "state")

        await examine_recovered(disk.folder, envoy, alice)

    async with serving(disk.folder) as (envoy, alice):
        await examine_reads(envoy, alice, ["brain-mri", "runs", "refused"])


async def test_a_file_system_that_becomes_read_only_refuses_until_it_is_mounted_anew(
    disk: Disk,
) -> None:
    async with serving(disk.folder) as (envoy, alice):
        await given_one_round(envoy, alice)
        disk.find_itself_damaged()

        await examine_refusals(disk.folder, envoy, alice)
    disk.mend()

    async with serving(disk.folder) as (envoy, alice):
        assert await envoy.register()
        assert await envoy.wait() == "runs"
        await examine_recovered(disk.folder, envoy, alice)
