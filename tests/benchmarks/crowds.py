"""Thousands of long polls: what one takes of memory, and how soon all are told of an upload.

They come in one burst over one connection.  Whoever waits is woken by one upload for all of them,
and another process sends heartbeats meanwhile.  All long polls end in this one process, which has
more to do for them than a server has; so look at the server's processor time.
Run it as `python -m tests.benchmarks.crowds`; the servers are started anew for each crowd.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from protos import director_pb2
from tests.benchmarks.archives import archive_of, model_of, upload_of
from tests.benchmarks.measuring import Result, heading, row
from tests.benchmarks.sides import Side, both, stub_of

if TYPE_CHECKING:
    from protos.director_pb2_grpc import DirectorAsyncStub

_CROWDS = (1_000, 10_000)


async def register(stub: "DirectorAsyncStub", names: tuple[str, ...]) -> None:
    """Register all, a few hundred at a time."""
    for start in range(0, len(names), 250):
        requests = [
            director_pb2.UpdateShardInfoRequest(
                shard_info=director_pb2.ShardInfo(
                    node_info=director_pb2.NodeInfo(name=name),
                    sample_shape=["1"],
                    target_shape=["1"],
                )
            )
            for name in names[start : start + 250]
        ]
        await asyncio.gather(*(stub.UpdateShardInfo(request) for request in requests))


async def beat(side: Side) -> None:
    """Send heartbeats until there is something to read; print the milliseconds of the slowest."""
    request = director_pb2.UpdateEnvoyStatusRequest(name="env-0")
    longest_s = 0.0
    async with side.channel() as channel:
        stub = stub_of(channel)
        await stub.UpdateEnvoyStatus(request)
        print(flush=True)
        told = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
        while not told.done():
            began_s = time.perf_counter()
            await stub.UpdateEnvoyStatus(request)
            longest_s = max(longest_s, time.perf_counter() - began_s)
            await asyncio.sleep(0.002)
    print(1_000 * longest_s)


@asynccontextmanager
async def beating(side: Side) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Let another process send heartbeats; yields how to end that, and learn the slowest."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.crowds", str(side.port)), stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    await process.stdout.readline()

    async def slowest_ms() -> float:
        told, _ = await process.communicate(b"\n")
        return float(told)

    yield slowest_ms


async def crowd(count: int, side: Side) -> tuple[Result, ...]:
    """Return KiB a call, failures, milliseconds until all are told, and the longest heartbeat."""
    names = tuple(f"env-{number}" for number in range(count))
    archive = archive_of(10_000)
    async with side.channel() as channel, side.channel() as quiet:
        stub, other = stub_of(channel), stub_of(quiet)
        await register(stub, names)
        before_mib, before_s = side.resident_mib(), side.cpu_s()
        waits = [
            asyncio.ensure_future(
                stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name=name))
            )
            for name in names
        ]
        # Answered after the long polls of its connection have come.
        await stub.GetDatasetInfo(director_pb2.GetDatasetInfoRequest())
        kib = Result(1024 * (side.resident_mib() - before_mib) / count, side.cpu_s() - before_s)
        (message,) = upload_of(archive, model_of(4096), collaborators=names)
        async with beating(side) as slowest_ms:
            began_s, cpu_s = time.perf_counter(), side.cpu_s()
            await other.SetNewExperiment(iter([message]))
            answers = await asyncio.gather(*waits, return_exceptions=True)
            took = Result(1_000 * (time.perf_counter() - began_s), side.cpu_s() - cpu_s)
            longest = Result(await slowest_ms(), took.cpu_s)
    failed = Result(sum(isinstance(answer, BaseException) for answer in answers), 0)
    return kib, failed, took, longest


def main() -> None:
    if sys.argv[1:]:
        asyncio.run(beat(Side("", int(sys.argv[1]), 0)))
        return
    for count in _CROWDS:
        with both() as sides:
            found = [asyncio.run(crowd(count, side)) for side in sides]
        heading(f"{count:,} long polls in one burst", "")
        titles = ("KiB a call", "failures", "ms until all are told", "longest heartbeat, ms")
        for title, *results in zip(titles, *found, strict=True):
            row(title, *results, units=count, unit="call")


if __name__ == "__main__":
    main()
