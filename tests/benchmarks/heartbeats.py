"""Heartbeats in a second, 64 at once, and the list of a thousand envoys.

Run it as `python -m tests.benchmarks.heartbeats`.
"""

import asyncio
import time
from statistics import median

from protos import director_pb2
from tests.benchmarks.measuring import alternate, heading, rate_of, row
from tests.benchmarks.sides import Side, both, stub_of

_ENVOYS = 1_000
_LISTS = 30
_AT_ONCE = 64
HEARTBEATS = 2_000
"""In a round."""


def _shard(number: int) -> director_pb2.ShardInfo:
    devices = [
        director_pb2.CudaDeviceInfo(
            index=index,
            memory_total=2**35,
            memory_utilized=2**30,
            device_utilization="55%",
            cuda_driver_version="535.1",
            cuda_version="12.2",
            name="NVIDIA A100",
        )
        for index in range(2)
    ]
    return director_pb2.ShardInfo(
        node_info=director_pb2.NodeInfo(name=f"env-{number}", cuda_devices=devices),
        shard_description=f"the images of hospital {number}",
        n_samples=number,
        sample_shape=["1"],
        target_shape=["1"],
    )


async def register(side: Side) -> None:
    async with side.channel() as channel:
        stub = stub_of(channel)
        requests = [
            director_pb2.UpdateShardInfoRequest(shard_info=_shard(number))
            for number in range(_ENVOYS)
        ]
        await asyncio.gather(*(stub.UpdateShardInfo(request) for request in requests))


async def heartbeats(side: Side) -> float:
    async with side.channel() as channel:
        stub = stub_of(channel)
        request = director_pb2.UpdateEnvoyStatusRequest(name="env-1")
        return await rate_of(
            lambda: stub.UpdateEnvoyStatus(request), times=HEARTBEATS, at_once=_AT_ONCE
        )


async def listing(side: Side) -> float:
    """Return the milliseconds that a list takes."""
    took_s: list[float] = []
    async with side.channel() as channel:
        stub = stub_of(channel)
        for _ in range(_LISTS):
            began_s = time.perf_counter()
            response = await stub.GetEnvoys(director_pb2.GetEnvoysRequest())
            took_s.append(time.perf_counter() - began_s)
            assert len(response.envoy_infos) == _ENVOYS
    return 1_000 * median(took_s)


async def measure(sides: tuple[Side, Side]) -> None:
    for side in sides:
        await register(side)
    heading("heartbeats", "RPC/s")
    row(
        f"{_AT_ONCE} at once",
        *await alternate(sides, heartbeats, rounds=9),
        units=HEARTBEATS,
        unit="RPC",
    )
    heading("GetEnvoys", "ms")
    row(
        f"{_ENVOYS:,} envoys of 2 devices",
        *await alternate(sides, listing, rounds=3),
        units=_LISTS,
        unit="list",
    )


def main() -> None:
    with both() as sides:
        asyncio.run(measure(sides))


if __name__ == "__main__":
    main()
