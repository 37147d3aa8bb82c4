"""Deliveries: the milliseconds from sending an upload until each parked envoy has its name.

Run it as `python -m tests.benchmarks.deliveries`.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from statistics import median, quantiles
from typing import TYPE_CHECKING

from protos import director_pb2
from tests.benchmarks.archives import archive_of, model_of, upload_of
from tests.benchmarks.measuring import alternate, heading, row
from tests.benchmarks.sides import Side, both, stub_of

if TYPE_CHECKING:
    from protos.director_pb2_grpc import DirectorAsyncStub

_UPLOADS = 20

_numbers = count()


async def deliver(stubs: "list[DirectorAsyncStub]", archive: bytes) -> list[float]:
    """Park every envoy, upload, and return how long each waited for the upload's name."""
    names = tuple(f"env-{place}" for place in range(len(stubs)))
    experiment = f"experiment-{next(_numbers)}"
    answered_s: list[float] = []

    async def wait(name: str, stub: "DirectorAsyncStub") -> None:
        response = await stub.WaitExperiment(
            director_pb2.WaitExperimentRequest(collaborator_name=name)
        )
        answered_s.append(time.perf_counter())
        assert response.experiment_name == experiment

    waits = [
        asyncio.ensure_future(wait(name, stub)) for name, stub in zip(names, stubs, strict=True)
    ]
    for stub in stubs:
        # Answered after the long poll has come, which was sent before it.
        await stub.GetDatasetInfo(director_pb2.GetDatasetInfoRequest())
    (message,) = upload_of(archive, model_of(4096), name=experiment, collaborators=names)
    began_s = time.perf_counter()
    await stubs[0].SetNewExperiment(iter([message]))
    await asyncio.gather(*waits)
    await stubs[0].RemoveExperimentData(
        director_pb2.RemoveExperimentRequest(experiment_name=experiment)
    )
    return [1_000 * (moment - began_s) for moment in answered_s]


async def deliveries(archive: bytes, envoys: int, is_tail: bool, side: Side) -> float:  # noqa: FBT001
    """Return the median, or what 99 in 100 do not exceed."""
    async with AsyncExitStack() as stack:
        stubs = [stub_of(await stack.enter_async_context(side.channel())) for _ in range(envoys)]
        for place, stub in enumerate(stubs):
            shard = director_pb2.ShardInfo(
                node_info=director_pb2.NodeInfo(name=f"env-{place}"),
                sample_shape=["1"],
                target_shape=["1"],
            )
            await stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard))
        took_ms = [ms for _ in range(_UPLOADS) for ms in await deliver(stubs, archive)]
    return quantiles(took_ms, n=100)[98] if is_tail else median(took_ms)


async def measure(sides: tuple[Side, Side]) -> None:
    archive = archive_of(10_000)
    heading("deliveries of 10 kB", "ms")
    for envoys in (1, 8):
        for title, is_tail in (("p50", False), ("p99", True)):
            round_of = partial(deliveries, archive, envoys, is_tail)
            row(f"{envoys} parked, {title}", *await alternate(sides, round_of, rounds=5))


def main() -> None:
    with both() as sides:
        asyncio.run(measure(sides))


if __name__ == "__main__":
    main()
