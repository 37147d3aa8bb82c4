"""Downloads: MiB of archive in a second, to one envoy and to eight at once.

Run it as `python -m tests.benchmarks.downloads`.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial

from protos import director_pb2
from tests.benchmarks.archives import MIB, archive_of, model_of, upload_of
from tests.benchmarks.measuring import alternate, heading, row
from tests.benchmarks.sides import Side, both, stub_of

_SIZE = 64 * MIB
_NAMES = tuple(f"env-{number}" for number in range(8))


async def prepare(side: Side, archive: bytes) -> None:
    """Hand the experiment out to all envoys."""
    async with side.channel() as channel:
        stub = stub_of(channel)
        for name in _NAMES:
            shard = director_pb2.ShardInfo(
                node_info=director_pb2.NodeInfo(name=name), sample_shape=["1"], target_shape=["1"]
            )
            await stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard))
        waits = [
            asyncio.ensure_future(
                stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name=name))
            )
            for name in _NAMES
        ]
        # Answered after the long polls have come, which were sent before it.
        await stub.GetEnvoys(director_pb2.GetEnvoysRequest())
        await stub.SetNewExperiment(upload_of(archive, model_of(4096), collaborators=_NAMES))
        await asyncio.gather(*waits)


async def download(archive: bytes, envoys: int, side: Side) -> float:
    """Return the MiB in a second of all together."""
    async with AsyncExitStack() as stack:
        stubs = [stub_of(await stack.enter_async_context(side.channel())) for _ in range(envoys)]

        async def one(place: int) -> int:
            request = director_pb2.GetExperimentDataRequest(
                experiment_name="experiment", collaborator_name=_NAMES[place]
            )
            return sum([chunk.size async for chunk in stubs[place].GetExperimentData(request)])

        began_s = time.perf_counter()
        sizes = await asyncio.gather(*(one(place) for place in range(envoys)))
        took_s = time.perf_counter() - began_s
    assert min(sizes) >= len(archive), sizes
    return sum(sizes) / MIB / took_s


async def measure(sides: tuple[Side, Side]) -> None:
    archive = archive_of(_SIZE)
    for side in sides:
        await prepare(side, archive)
    heading(f"downloads of {_SIZE // MIB} MiB", "MiB/s")
    for envoys in (1, 8):
        round_of = partial(download, archive, envoys)
        row(
            f"{envoys} at once",
            *await alternate(sides, round_of, rounds=5),
            units=envoys * _SIZE / MIB,
            unit="MiB",
        )


def main() -> None:
    with both() as sides:
        asyncio.run(measure(sides))


if __name__ == "__main__":
    main()
