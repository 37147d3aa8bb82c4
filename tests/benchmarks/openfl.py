"""Our Director beside OpenFL's own, in one run.

Run it as `python -m tests.benchmarks.openfl`; it needs what
`python tests/interop/make_environment.py` makes, and about five minutes: OpenFL looks for new
experiments every ten seconds.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from random import Random
from statistics import median, quantiles

from protos import director_pb2
from simulator.actors.workspace import Recipe, archive
from tests.benchmarks import heartbeats
from tests.benchmarks.archives import MIB, model_of, upload_of
from tests.benchmarks.measuring import alternate, heading, row
from tests.benchmarks.metric_latency import latencies_ms
from tests.benchmarks.openfl_sides import NAMES, Started, both, forget_peak
from tests.benchmarks.sides import Side, stub_of
from tests.interop.make_environment import is_there

_LARGE = 256 * MIB
_DELIVERIES = 3
_ROUNDS = 4
_SETTLES_WITHIN_S = 1.5
"""After an experiment was handed out, or removed with its archive."""
_PARKED = 5_000
_CONNECTIONS = 10
_LISTED = 1_000
_SLICE = 250
"""OpenFL's server cancels what is above a thousand requests at once."""

_numbers = count()


def workspace(size: int, *, rounds: int = 1) -> bytes:
    """Return an archive that both Directors can run."""
    return archive(Recipe(rounds=rounds, host="127.0.0.1", size_bytes=size), Random(size))


def shard(name: str) -> director_pb2.UpdateShardInfoRequest:
    """Return the registration of an envoy."""
    return director_pb2.UpdateShardInfoRequest(
        shard_info=director_pb2.ShardInfo(
            node_info=director_pb2.NodeInfo(name=name), sample_shape=["1"], target_shape=["1"]
        )
    )


# ---------------------------------------------------------------- what is measured


async def delivery(content: bytes, side: Side) -> float:
    """Return the milliseconds from the acceptance until a waiting envoy knows of it."""
    number = next(_numbers)
    # Another envoy each time: OpenFL's would be told of the experiment before.
    name, envoy = f"delivery-{number}", f"waiting-{number}"
    async with side.channel() as channel:
        stub = stub_of(channel)
        await stub.UpdateShardInfo(shard(envoy))
        wait = asyncio.ensure_future(
            stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name=envoy))
        )
        await stub.GetDatasetInfo(director_pb2.GetDatasetInfoRequest())
        upload = upload_of(content, model_of(4096), name=name, collaborators=(envoy,))
        await stub.SetNewExperiment(upload)
        accepted_s = time.perf_counter()
        handed = await wait
        took_s = time.perf_counter() - accepted_s
        assert handed.experiment_name == name, handed
        await stub.SetExperimentFailed(
            director_pb2.SetExperimentFailedRequest(experiment_name=name, collaborator_name=envoy)
        )
        return max(0.0, 1_000 * took_s)


async def slow_heartbeat(work: Callable[[Side], Awaitable[float]], side: Side) -> float:
    """Return the milliseconds that 99 of 100 heartbeats do not exceed while something is done."""
    took_s: list[float] = []
    async with side.channel() as channel:
        stub = stub_of(channel)
        request = director_pb2.UpdateEnvoyStatusRequest(name="blocked")
        await stub.UpdateEnvoyStatus(request)
        working = asyncio.ensure_future(work(side))
        while not working.done():
            began_s = time.perf_counter()
            await stub.UpdateEnvoyStatus(request)
            took_s.append(time.perf_counter() - began_s)
            await asyncio.sleep(0.005)
        await working
    return 1_000 * quantiles(took_s, n=100)[98]


async def block(side: Side) -> None:
    """Run an experiment of somebody absent: OpenFL leaves whatever comes later in its queue."""
    async with side.channel() as channel:
        stub = stub_of(channel)
        await stub.UpdateShardInfo(shard("blocked"))
        envoys = ("absent", "blocked")
        upload = upload_of(workspace(0), model_of(4096), name="blocker", collaborators=envoys)
        await stub.SetNewExperiment(upload)
        # It has begun once an envoy that also takes part is told of it.
        await stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name="blocked"))


async def upload(content: bytes, side: Side) -> float:
    """Return MiB in a second; the experiment stays."""
    name, envoys = f"large-{side.name}-{next(_numbers)}", tuple(f"large-{n}" for n in range(8))
    async with side.channel() as channel:
        stub = stub_of(channel)
        await asyncio.gather(*(stub.UpdateShardInfo(shard(envoy)) for envoy in envoys))
        messages = list(upload_of(content, model_of(4096), name=name, collaborators=envoys))
        began_s = time.perf_counter()
        await stub.SetNewExperiment(iter(messages))
        took_s = time.perf_counter() - began_s
        _latest[side.name] = name
    return len(content) / MIB / took_s


_latest: dict[str, str] = {}
"""The experiment that is to be downloaded, by side."""


async def remove_latest(side: Side) -> None:
    """Take the large experiment away again."""
    async with side.channel() as channel:
        request = director_pb2.RemoveExperimentRequest(experiment_name=_latest[side.name])
        await stub_of(channel).RemoveExperimentData(request)


async def download(size: int, envoys: int, side: Side) -> float:
    """Return MiB in a second of all together."""
    async with AsyncExitStack() as stack:
        stubs = [stub_of(await stack.enter_async_context(side.channel())) for _ in range(envoys)]

        async def one(place: int) -> int:
            request = director_pb2.GetExperimentDataRequest(
                experiment_name=_latest[side.name], collaborator_name=f"large-{place}"
            )
            return sum([chunk.size async for chunk in stubs[place].GetExperimentData(request)])

        began_s = time.perf_counter()
        sizes = await asyncio.gather(*(one(place) for place in range(envoys)))
        took_s = time.perf_counter() - began_s
    assert min(sizes) >= size * 0.99, sizes
    return sum(sizes) / MIB / took_s


async def park(side: Side, names: Sequence[str], stack: AsyncExitStack) -> float:
    """Park a long poll for each, and return how many KiB the server took for one."""
    stubs = [stub_of(await stack.enter_async_context(side.channel())) for _ in range(_CONNECTIONS)]
    for start in range(0, len(names), _SLICE):
        await asyncio.gather(
            *(stubs[0].UpdateShardInfo(shard(name)) for name in names[start : start + _SLICE])
        )
    before_mib = side.resident_mib()
    for start in range(0, len(names), _SLICE):
        for place, name in enumerate(names[start : start + _SLICE], start):
            request = director_pb2.WaitExperimentRequest(collaborator_name=name)
            call = stubs[place % _CONNECTIONS].WaitExperiment(request)
            stack.callback(call.cancel)
        # Answered after the long polls of that connection have come.
        for stub in stubs:
            await stub.GetDatasetInfo(director_pb2.GetDatasetInfoRequest())
    return 1024 * (side.resident_mib() - before_mib) / len(names)


# ---------------------------------------------------------------- the table


def compare(title: str, unit: str, ours: float, theirs: float) -> None:
    """Print one comparison of figures that were measured once."""
    ratio = ours / theirs if theirs else float("nan")
    print(f"{title:40}{ours:>14,.1f}{theirs:>14,.1f} {unit:8}{ratio:>10.3f}")


async def measure(ours: Started, theirs: Started, forgetful: Started) -> None:
    sides = (ours.side, theirs.side)
    heading("our Director beside OpenFL's", "", NAMES)
    compare("start", "s", ours.start_s, theirs.start_s)
    compare("idle memory", "MiB", ours.idle_mib, theirs.idle_mib)

    await _fleet(sides)
    small = workspace(0)
    took_ms = [[await delivery(small, side) for _ in range(_DELIVERIES)] for side in sides]
    compare("delivery after acceptance, median", "ms", *map(median, took_ms))
    longer = workspace(0, rounds=_ROUNDS)
    found_ms = [await latencies_ms(side, longer) for side in sides]
    compare("metric to a follower, median", "ms", *map(median, found_ms))
    compare("metric to a follower, longest", "ms", *map(max, found_ms))

    every = (*sides, forgetful.side)
    for side in every:
        await block(side)
    await _archives(every)
    await _parked(sides)


async def _fleet(sides: tuple[Side, Side]) -> None:
    names = [f"env-{number}" for number in range(_LISTED)]
    async with AsyncExitStack() as stack:
        for side in sides:
            # OpenFL's cannot list an envoy that has never waited.
            await park(side, names, stack)
        lists = await alternate(sides, listing, rounds=3)
        row(f"GetEnvoys of {_LISTED:,}, ms", *lists, units=10, unit="list")
        beats = await alternate(sides, heartbeats.heartbeats, rounds=9)
        row("heartbeats, RPC/s", *beats, units=heartbeats.HEARTBEATS, unit="RPC")


async def _archives(every: tuple[Side, Side, Side]) -> None:
    sides = every[:2]
    content = workspace(_LARGE)
    grown_mib: dict[str, float] = {}

    async def once(side: Side) -> float:
        if side.name in _latest:
            await remove_latest(side)
            await asyncio.sleep(_SETTLES_WITHIN_S)
        forget_peak(side)
        before_mib = side.resident_mib()
        rate = await upload(content, side)
        grown_mib.setdefault(side.name, side.peak_mib() - before_mib)
        return rate

    size = _LARGE / MIB
    kept, theirs, forgotten = await alternate(every, once, rounds=5)
    row(f"upload of {size:.0f} MiB, MiB/s", kept, theirs, units=size, unit="MiB")
    row("... forgotten by us, too", forgotten, theirs, units=size, unit="MiB")
    compare("... growth of memory meanwhile", "MiB", *(grown_mib[side.name] for side in sides))
    for envoys in (1, 8):
        round_of = partial(download, _LARGE, envoys)
        found = await alternate(sides, round_of, rounds=3)
        row(f"download to {envoys}, MiB/s", *found, units=size * envoys, unit="MiB")
    for title, work in (("an upload", once), ("8 downloads", partial(download, _LARGE, 8))):
        found = await alternate(sides, partial(slow_heartbeat, work), rounds=3)
        row(f"heartbeat p99 in {title}, ms", *found)
    for side in every:
        await remove_latest(side)


async def _parked(sides: tuple[Side, Side]) -> None:
    names = [f"parked-{number}" for number in range(_PARKED)]
    async with AsyncExitStack() as stack:
        kib = [await park(side, names, stack) for side in sides]
        compare(f"memory of one of {_PARKED:,} long polls", "KiB", *kib)


async def listing(side: Side) -> float:
    """Return the milliseconds that a list of everybody takes."""
    took_s: list[float] = []
    async with side.channel() as channel:
        stub = stub_of(channel)
        for _ in range(10):
            began_s = time.perf_counter()
            await stub.GetEnvoys(director_pb2.GetEnvoysRequest())
            took_s.append(time.perf_counter() - began_s)
    return 1_000 * median(took_s)


def main() -> None:
    if not is_there():
        sys.exit("OpenFL 1.6 is not there; get it with: python tests/interop/make_environment.py")
    with both() as started:
        asyncio.run(measure(*started))


if __name__ == "__main__":
    main()
