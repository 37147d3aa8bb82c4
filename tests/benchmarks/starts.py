"""How long a whole process takes from its start until it serves: after a long life, or none.

A hundred thousand events of which a Director has gathered up what it gathers up while it works, as
it is in life; and all of them, as they never are.  Each turn begins with a copy, as a start gathers
up, too.  Run it as `python -m tests.benchmarks.starts`.
"""

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from director.core.events import ShardReported
from director.core.model import Caller, EnvoyName, Shard
from director.director import Director
from director.storage.state import open_state
from tests.director.house import EPOCH

_EVENTS = 100_000
_ROUNDS = 5
_BATCH = 1_000


def _shard(number: int) -> Shard:
    return Shard(
        envoy=EnvoyName(f"hospital-{number:06}"),
        description="a hospital",
        n_samples=1_000,
        sample_shape=("1",),
        target_shape=("1",),
    )


async def _live(folder: Path, envoys: int) -> None:
    """Let envoys register again and again, and the Director be killed in the end."""
    state = open_state(folder)
    director = Director(journal=state.journal, archives=state.archives)
    director.announce("localhost", 1)
    await director.start()
    for first in range(0, _EVENTS, _BATCH):
        shards = [_shard(number % envoys) for number in range(first, first + _BATCH)]
        await asyncio.gather(*(director.report_shard(_caller(shard), shard) for shard in shards))
    await director._parts.writer._commits.settle()
    await director.abandon()
    state.release()


def _caller(shard: Shard) -> Caller:
    return Caller(name=shard.envoy, is_authenticated=False, connection="1")


async def _write(folder: Path, envoys: int) -> None:
    """Write the same events down, and gather nothing up."""
    state = open_state(folder)
    for first in range(0, _EVENTS, _BATCH):
        events = [
            ShardReported(shard=_shard(number % envoys)) for number in range(first, first + _BATCH)
        ]
        await asyncio.gather(*(state.journal.append(event, EPOCH) for event in events))
    state.release()


async def _served_after(folder: Path, config: Path) -> float:
    """Return the seconds until a new process says that it serves."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from director.cli import main; main()"),
        *("start", "-c", str(config), "--disable-tls", "--state-dir", str(folder)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    while b"serving on" not in (line := await process.stderr.readline()):
        assert line, "it did not start"
    took = time.perf_counter() - began
    process.kill()
    await process.wait()
    return took


async def _measure() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as scratch:
        root = Path(scratch)
        config = root / "director.yaml"
        config.write_text("settings: {listen_port: 0}", encoding="utf-8")
        sources = {
            "nothing": root / "nothing",
            "100,000 events of 1,000 envoys": root / "few",
            "100,000 events of 50,000 envoys": root / "many",
            "100,000 events, none gathered up": root / "raw",
        }
        open_state(root / "nothing").release()
        await _live(root / "few", 1_000)
        await _live(root / "many", 50_000)
        await _write(root / "raw", 1_000)
        found: dict[str, list[float]] = {what: [] for what in sources}
        for turn in range(_ROUNDS + 1):
            for what, source in sources.items():
                shutil.copytree(source, root / "state")
                took = await _served_after(root / "state", config)
                shutil.rmtree(root / "state")
                if turn:
                    found[what].append(took)
    empty = statistics.median(found["nothing"])
    for what, seconds in found.items():
        took = statistics.median(seconds)
        print(f"{what}: served after {took:.2f} s (ratio {took / empty:.2f})")


if __name__ == "__main__":
    asyncio.run(_measure())
