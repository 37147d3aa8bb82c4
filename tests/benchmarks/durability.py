"""What it costs that nothing acknowledged is lost, beside what the disk itself costs.

Everything is measured in turns in one process, without gRPC; a bare fsync and a plain copy with
fsync on the same disk are the floors.  Run it as `python -m tests.benchmarks.durability`.
"""

import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

from director.core.events import RunFailed
from director.core.model import Caller, EncodedTensor, ExperimentId, ExperimentName, Transformer
from director.director import Director
from director.interface import UploadPart
from director.storage import MemoryArchives, MemoryJournal
from director.storage.sqlite import SqliteJournal
from director.storage.state import open_state
from tests.benchmarks.archives import CHUNK, MIB, archive_of

_ROUNDS = 15
_LARGE = 64 * MIB
_EVENTS = 100_000
_MANY = 1_000
_ALICE = Caller(name="alice", is_authenticated=False, connection="1")
_MODEL = (
    EncodedTensor(
        name="w", tags=("model",), transformers=(Transformer(int_list=(1,)),), content=bytes(4)
    ),
)


async def _parts(name: str, archive: bytes) -> AsyncIterator[UploadPart]:
    for start in range(0, len(archive), CHUNK):
        yield UploadPart(
            name=name,
            collaborators=("env-0",),
            chunk=archive[start : start + CHUNK],
            tensors=None if start else _MODEL,
        )


async def _accepted(director: Director, name: str, archive: bytes) -> float:
    """Return the seconds until an experiment is accepted; it is removed again."""
    began = time.perf_counter()
    await director.submit(_ALICE, _parts(name, archive))
    took = time.perf_counter() - began
    await director.remove(_ALICE, ExperimentName(name))
    return took


def _synced(folder: Path, content: bytes) -> float:
    """Return the seconds that writing and syncing takes."""
    path = folder / "plain"
    began = time.perf_counter()
    with path.open("wb") as file:
        for start in range(0, len(content), CHUNK):
            file.write(content[start : start + CHUNK])
        file.flush()
        os.fsync(file.fileno())
    took = time.perf_counter() - began
    path.unlink()
    return took


async def _in_turns(*measures: Callable[[], Awaitable[float]]) -> list[float]:
    """Return the median of each, after a turn that does not count."""
    found: list[list[float]] = [[] for _ in measures]
    for turn in range(_ROUNDS + 1):
        for place, measure in enumerate(measures):
            took = await measure()
            if turn:
                found[place].append(took)
    return [statistics.median(took) for took in found]


async def _acceptance(folder: Path, durable: Director, forgetful: Director) -> None:
    for size, floor in ((64 * 1024, "bare fsync of 4 KiB"), (_LARGE, "plain copy with fsync")):
        archive = archive_of(size)
        plain = archive if size == _LARGE else bytes(4096)

        async def bare(plain: bytes = plain) -> float:
            return await asyncio.to_thread(_synced, folder, plain)

        kept, forgotten, least = await _in_turns(
            partial(_accepted, durable, "kept", archive),
            partial(_accepted, forgetful, "forgotten", archive),
            bare,
        )
        print(
            f"accept {size / MIB:g} MiB: durable {1000 * kept:.1f} ms,"
            f" in memory {1000 * forgotten:.1f} ms (ratio {kept / forgotten:.2f}),"
            f" {floor} {1000 * least:.1f} ms (ratio {kept / least:.2f})"
        )


async def _group_commit(folder: Path) -> None:
    """Compare events that come one by one, and many at once, with a bare fsync."""
    journal = SqliteJournal(folder / "events")
    event = RunFailed(experiment=ExperimentId("1@0"), reason="measured")

    async def one() -> float:
        began = time.perf_counter()
        await journal.append(event, 0.0)
        return time.perf_counter() - began

    async def many() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(journal.append(event, 0.0) for _ in range(_MANY)))
        return (time.perf_counter() - began) / _MANY

    async def bare() -> float:
        return await asyncio.to_thread(_synced, folder, bytes(4096))

    alone, together, least = await _in_turns(one, many, bare)
    await journal.close()
    print(
        f"an event: alone {1000 * alone:.2f} ms (ratio {alone / least:.2f}),"
        f" of {_MANY:,} at once {1000 * together:.3f} ms (ratio {together / least:.3f}),"
        f" bare fsync {1000 * least:.2f} ms"
    )


async def _replay(folder: Path) -> None:
    path = folder / "journal"
    journal = SqliteJournal(path)
    for first in range(0, _EVENTS, 5_000):
        events = [
            RunFailed(experiment=ExperimentId(f"{number}@0"), reason="measured")
            for number in range(first, first + 5_000)
        ]
        await asyncio.gather(*(journal.append(event, 0.0) for event in events))
    await journal.close()
    began = time.perf_counter()
    journal = SqliteJournal(path)
    count = sum(1 for _ in journal.replay())
    replayed = time.perf_counter() - began
    await journal.close()
    began = time.perf_counter()
    with sqlite3.connect(path) as connection:
        rows = len(connection.execute("SELECT * FROM record").fetchall())
    connection.close()
    bare = time.perf_counter() - began
    assert count == rows == _EVENTS
    print(
        f"replay {count:,} events: {replayed:.2f} s;"
        f" the bare rows {bare:.2f} s (ratio {replayed / bare:.1f})"
    )


async def _measure() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as scratch:
        folder = Path(scratch)
        state = open_state(folder / "state")
        durable = Director(journal=state.journal, archives=state.archives)
        forgetful = Director(journal=MemoryJournal(), archives=MemoryArchives())
        for director in (durable, forgetful):
            director.announce("localhost", 1)
            await director.start()
        await _acceptance(folder, durable, forgetful)
        await durable.close()
        await forgetful.close()
        state.release()
        await _group_commit(folder)
        await _replay(folder)


if __name__ == "__main__":
    asyncio.run(_measure())
