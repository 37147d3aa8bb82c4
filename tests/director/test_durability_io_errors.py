"""Real disks that fail under a Director that serves on sockets.

A file system lies on a loop device whose image lies on another one.  What the other one refuses is
an error of the device to the first: of any write where it has become read-only, or of those that
fill holes of the image where it has no room.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from protos import director_pb2
from tests.director.test_durability_disks import fill
from tests.director.test_durability_read_only import (
    Disk,
    examine_reads,
    examine_recovered,
    examine_refusals,
    files_in,
    given_one_round,
    refused,
    run,
    serving,
    submit,
)
from tests.director.transport.test_real_director import Peer, upload
from tests.director.workspace.archives import with_plan

pytestmark = pytest.mark.wire

OUTER_BYTES = 48 * 2**20
ROOM_BYTES = 12 * 2**20
"""Less than the image that lies there is long."""
LARGE_BYTES = 2 * 2**20
LONG = 60_000
FAILS = (
    grpc.StatusCode.UNAVAILABLE,
    "the Director cannot store this or read it at the moment: its disk fails",
)


@pytest.fixture
def outer(tmp_path: Path) -> Iterator[Disk]:
    """A file system for the image of another."""
    disk = Disk(tmp_path / "outer-image", tmp_path / "outer", size_bytes=OUTER_BYTES)
    yield disk
    disk.unmount()


@pytest.fixture
def inner(outer: Disk, tmp_path: Path) -> Iterator[Disk]:
    """A file system whose device is the outer one's to read and write."""
    disk = Disk(outer.folder / "image", tmp_path / "inner", on_error="continue")
    yield disk
    run("umount", disk.folder)


async def test_a_disk_that_fails_at_each_write_refuses_until_it_is_mended(
    outer: Disk, inner: Disk
) -> None:
    async with serving(inner.folder) as (envoy, alice):
        await given_one_round(envoy, alice)
        outer.find_itself_damaged()

        await examine_refusals(inner.folder, envoy, alice)
    inner.unmount()
    outer.mend()
    inner.come_back()

    async with serving(inner.folder) as (envoy, alice):
        assert await envoy.wait() == "runs"
        await examine_recovered(inner.folder, envoy, alice)


# ---------------------------------------------------------------- while it goes on


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[tuple[Disk, Path]]:
    """A disk, and where there has to be room for it not to fail."""
    below = tmp_path / "below"
    below.mkdir()
    if run("mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "none", below).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        disk = Disk(below / "image", tmp_path / "disk", on_error="continue")
        yield disk, below
        disk.unmount()
    finally:
        run("umount", below)


async def register(envoy: Peer, number: int) -> None:
    """Say something long, and how many samples there are."""
    shard = director_pb2.ShardInfo(
        node_info=director_pb2.NodeInfo(name=envoy.name),
        shard_description="x" * LONG,
        n_samples=number,
        sample_shape=["1"],
        target_shape=["1"],
    )
    await envoy.director.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard))


async def registered_until_refused(envoy: Peer) -> tuple[int, object]:
    """Return which registration was acknowledged last, and how the next one was refused."""
    number = 0
    while True:
        # As long as the log writes over what it wrote before, it needs no more of the disk.
        try:
            await register(envoy, number + 1)
        except grpc.aio.AioRpcError as error:
            return number, (error.code(), error.details())
        number += 1


async def samples(alice: Peer) -> list[int]:
    known = await alice.director.GetEnvoys(director_pb2.GetEnvoysRequest())
    return [info.shard_info.n_samples for info in known.envoy_infos]


async def submit_large(alice: Peer) -> None:
    archive = with_plan(noise=os.urandom(LARGE_BYTES))
    messages = upload(archive, name="large", to=("env-1",), chunk_bytes=2**20)
    await alice.director.SetNewExperiment(messages, metadata=alice.metadata)


async def test_a_disk_that_fails_for_a_while_refuses_and_recovers(
    narrow: tuple[Disk, Path],
) -> None:
    disk, below = narrow
    async with serving(disk.folder) as (envoy, alice):
        await given_one_round(envoy, alice)
        before = files_in(disk.folder)
        ballast = fill(below)

        code, _ = await refused(submit_large(alice))
        last, refusal = await registered_until_refused(envoy)

        # Of a file the kernel tells that the device has no room, of a database it does not.
        assert code in {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}
        assert refusal == FAILS
        await examine_reads(envoy, alice, ["brain-mri", "runs"])
        assert await samples(alice) == [last]
        assert files_in(disk.folder) == before
        ballast.unlink()
        await register(envoy, last + 1)
        await submit(alice, "refused")

    async with serving(disk.folder) as (envoy, alice):
        assert await samples(alice) == [last + 1]
        assert await envoy.wait() == "runs"
        await examine_reads(envoy, alice, ["brain-mri", "runs", "refused"])
