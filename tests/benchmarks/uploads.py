"""Uploads: MiB of archive in a second, with a small model and with one of 8 MiB in every message.

Run it as `python -m tests.benchmarks.uploads`.
"""

import asyncio
import time
from functools import partial

from protos import base_pb2, director_pb2
from tests.benchmarks.archives import MIB, archive_of, model_of, upload_of
from tests.benchmarks.measuring import alternate, heading, row
from tests.benchmarks.sides import Side, both, stub_of

_SIZE = 64 * MIB


async def upload(archive: bytes, model: base_pb2.ModelProto, side: Side) -> float:
    """Return MiB in a second, from the first message to the acceptance."""
    async with side.channel() as channel:
        stub = stub_of(channel)
        messages = list(upload_of(archive, model))
        began_s = time.perf_counter()
        response = await stub.SetNewExperiment(iter(messages))
        rate = len(archive) / MIB / (time.perf_counter() - began_s)
        assert response.accepted
        await stub.RemoveExperimentData(
            director_pb2.RemoveExperimentRequest(experiment_name="experiment")
        )
        return rate


async def measure(sides: tuple[Side, Side]) -> None:
    archive = archive_of(_SIZE)
    heading(f"uploads of {_SIZE // MIB} MiB", "MiB/s")
    for title, size in (("a model of 4 KiB", 4096), ("a model of 8 MiB, repeated", 8 * MIB)):
        round_of = partial(upload, archive, model_of(size))
        row(title, *await alternate(sides, round_of, rounds=5), units=_SIZE / MIB, unit="MiB")
    peaks = ", ".join(f"{side.name} {side.peak_mib():.0f} MiB" for side in sides)
    print(f"peak memory, the archive in it: {peaks}")


def main() -> None:
    with both() as sides:
        asyncio.run(measure(sides))


if __name__ == "__main__":
    main()
