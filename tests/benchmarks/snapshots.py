"""How long nobody is answered while the journal of 100,000 envoys is gathered up.

Measured as the longest time between two turns of the loop, beside the same snapshot turned into
JSON in one piece, as it was once, and beside a loop on which nothing else happens.  Run it as
`python -m tests.benchmarks.snapshots`.
"""

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import TypeAdapter

from director.core.model import EnvoyName, Shard
from director.core.snapshots import Snapshot, snapshot_of
from director.director import Director
from director.storage.pieces import in_json
from director.storage.state import open_state
from tests.director.house import EPOCH

_ENVOYS = 100_000
_ROUNDS = 5
_WHOLE: TypeAdapter[Snapshot] = TypeAdapter(Snapshot)


async def _longest_stall(work: Callable[[], Awaitable[object]]) -> float:
    """Return the longest time between two turns of the loop for as long as the work takes."""
    working = asyncio.ensure_future(work())
    longest = 0.0
    before = time.perf_counter()
    while not working.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    await working
    return longest


def _register_all(director: Director) -> None:
    for number in range(_ENVOYS):
        shard = Shard(
            envoy=EnvoyName(f"hospital-{number:06}"),
            description="a hospital",
            n_samples=1_000,
            sample_shape=("1",),
            target_shape=("1",),
        )
        director._federation.registry.register(shard, EPOCH)


async def _measure() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as scratch:
        state = open_state(Path(scratch) / "state")
        director = Director(journal=state.journal, archives=state.archives)
        director.announce("localhost", 1)
        await director.start()
        _register_all(director)
        gc.collect()

        async def in_one_piece() -> None:
            def encoded() -> bytes:
                snapshot = snapshot_of(director._federation)
                return in_json(_WHOLE.dump_python(snapshot, exclude_defaults=True))

            await asyncio.to_thread(encoded)

        works = (director._parts.writer._compact, in_one_piece, lambda: asyncio.sleep(1))
        stalls: list[list[float]] = [[] for _ in works]
        for _ in range(_ROUNDS):
            for place, work in enumerate(works):
                stalls[place].append(await _longest_stall(work))
        gathered, whole, idle = (statistics.median(each) for each in stalls)
        await director.close()
        state.release()
    print(
        f"snapshot of {_ENVOYS:,} envoys: nobody is answered for {1000 * gathered:.0f} ms;"
        f" in one piece {1000 * whole:.0f} ms (ratio {gathered / whole:.3f});"
        f" an idle loop stalls for {1000 * idle:.1f} ms"
    )


if __name__ == "__main__":
    asyncio.run(_measure())
