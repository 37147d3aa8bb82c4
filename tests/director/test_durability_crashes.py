"""The power goes at every single operation on the disk in turn: nothing acknowledged is lost."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from director.core.lifecycle import Status
from director.core.model import Metric, ModelKind
from director.director import Director
from director.offload import inline
from director.shell import backlog
from director.storage import NoRoomError
from director.storage.memory_disk import Kind, MemoryDisk, Operation, Survival
from director.storage.memory_folder import MemoryFolder
from director.storage.memory_state import memory_state
from tests.director.house import MRI, WEIGHTS, A, House, LoopClock, caller, housed

ROUNDS = 3
FAR = 10_000


@dataclass
class Ledger:
    """What was acknowledged or shown, and what may have happened."""

    is_registered: bool = False
    is_accepted: bool = False
    rounds: int = 0
    is_finished: bool = False
    metrics: Sequence[Metric] = field(default=())
    may_be_removed: bool = False
    is_removed: bool = False


@asynccontextmanager
async def alive(disk: MemoryDisk) -> AsyncIterator[House]:
    """A Director on the disk, which ends as a killed process does, be it in its start."""
    state = memory_state(disk)
    director = Director(
        journal=state.journal, archives=state.archives, clock=LoopClock(), offload=inline
    )
    director.announce("director", 50051)
    try:
        await director.start()
        yield House(director=director, archives=state.archives, journal=state.journal)
    finally:
        await director.abandon()


async def live(house: House, ledger: Ledger) -> None:
    """A whole federation's life; every line of the ledger follows an answer."""
    await house.register("a")
    ledger.is_registered = True
    await house.submit()
    ledger.is_accepted = True
    address = await house.join()
    for number in range(1, ROUNDS + 1):
        await house.work(address)
        ledger.rounds = number
    await house.settled()
    if house.status() is Status.FINISHED:
        ledger.is_finished = True
        ledger.metrics = await house.metrics()
        assert ledger.metrics
    ledger.may_be_removed = True
    assert await house.director.remove(caller(), MRI)
    ledger.is_removed = True
    await house.settled()


async def examine(house: House, ledger: Ledger) -> None:
    """Whatever was acknowledged is there, and goes on."""
    listed = [view.shard.envoy for view in house.director.envoys(caller())]
    assert listed == [A] or not (listed or ledger.is_registered)
    held = house.director.experiments(caller())
    if not held:
        assert ledger.may_be_removed or not ledger.is_accepted
        return
    [name] = [summary.name for summary in held]
    view = house.director.describe(caller(), name)
    assert not ledger.is_removed
    assert view.current_round >= ledger.rounds
    assert await weights(house) == ([] if not view.current_round else trained(view.current_round))
    if ledger.is_finished:
        assert view.status is Status.FINISHED
        assert await house.metrics() == ledger.metrics
    if view.status is Status.IN_PROGRESS:
        await house.register("a")
        if view.current_round < ROUNDS:
            await house.work_to_the_end(await house.join())
        await house.settled()
    assert house.status() is Status.FINISHED
    assert await weights(house) == trained(ROUNDS)
    told = [
        (metric.origin, metric.name, metric.task, metric.round) for metric in await house.metrics()
    ]
    assert len(told) == len(set(told)) == 18


async def weights(house: House) -> list[float]:
    model = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
    found: list[float] = model["weights"].tolist() if model else []
    return found


def trained(rounds: int) -> list[float]:
    found: list[float] = (WEIGHTS + rounds).tolist()
    return found


def examine_disk(house: House, disk: MemoryDisk) -> None:
    """There is neither a file too many nor one too few."""
    needed = set(house.director._federation.blobs())
    assert set(MemoryFolder(disk, "blobs").names()) == needed == set(house.archives.list())
    assert MemoryFolder(disk, "journal").names() == ["journal"]


def crash(disk: MemoryDisk, at: tuple[int, bool], operation: Operation) -> None:
    if (operation.number, operation.is_done) == at:
        disk.crash()


async def lived_until_the_crash(disk: MemoryDisk) -> Ledger:
    ledger = Ledger()
    await until_the_crash(disk, partial(live, ledger=ledger))
    return ledger


async def until_the_crash(
    disk: MemoryDisk, work: Callable[[House], Coroutine[Any, Any, None]]
) -> None:
    """Let a Director live for as long as its disk does, or the work takes."""
    down = asyncio.Event()
    stop = disk.watch(lambda _: down.set() if disk.is_down else None)

    async def whole_life() -> None:
        async with alive(disk) as house:
            await work(house)

    living, crashing = asyncio.ensure_future(whole_life()), asyncio.ensure_future(down.wait())
    await asyncio.wait([living, crashing], return_when=asyncio.FIRST_COMPLETED)
    for task in (living, crashing):
        task.cancel()
        await asyncio.wait([task])
    stop()
    if not down.is_set():
        living.result()
    elif not living.cancelled():
        living.exception()  # whatever its last words are


async def operations() -> int:
    """How many there are in an undisturbed life."""
    disk = MemoryDisk()
    ledger = await lived_until_the_crash(disk)
    assert ledger.is_removed
    return disk.operations


async def test_a_life_has_enough_operations_to_be_worth_interrupting() -> None:
    assert 50 < await operations() < FAR


@pytest.mark.slow
@pytest.mark.parametrize("survival", list(Survival))
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
async def test_nothing_acknowledged_is_lost_wherever_the_crash_comes(
    survival: Survival, *, is_done: bool
) -> None:
    for number in range(1, await operations() + 1):
        disk = MemoryDisk()
        disk.watch(partial(crash, disk, (number, is_done)))
        ledger = await lived_until_the_crash(disk)
        assert disk.is_down, f"operation {number} never came"

        disk.revive(survival)
        async with alive(disk) as house:
            await examine(house, ledger)
            await house.settled()
            examine_disk(house, disk)


@pytest.mark.slow
@pytest.mark.parametrize("survival", [Survival.SYNCED, Survival.TORN])
async def test_a_crash_while_it_recovers_from_a_crash_loses_nothing_either(
    survival: Survival,
) -> None:
    for first in range(10, await operations(), 15):
        second = 0
        while True:
            second += 1
            disk = MemoryDisk()
            stop = disk.watch(partial(crash, disk, (first, True)))
            ledger = await lived_until_the_crash(disk)
            stop()
            disk.revive(survival)
            disk.watch(partial(crash, disk, (disk.operations + second, False)))
            await until_the_crash(disk, partial(examine, ledger=ledger))
            if not disk.is_down:
                break
            disk.revive(survival)
            async with alive(disk) as house:
                await examine(house, ledger)
                await house.settled()
                examine_disk(house, disk)


# ---------------------------------------------------------------- a disk that is full


async def test_a_full_disk_refuses_serves_on_and_recovers() -> None:
    disk = MemoryDisk()
    state = memory_state(disk)
    async with housed(journal=state.journal, archives=state.archives) as house:
        await house.register("a")
        await house.submit()
        address = await house.join()
        await house.work(address)
        before = MemoryFolder(disk, "blobs").names()
        disk.capacity_bytes = disk.used_bytes

        for refused in (house.register("b"), house.submit(other := "other")):  # type: ignore[arg-type]
            with pytest.raises(NoRoomError, match="no room left"):
                await refused
        with pytest.raises(NoRoomError):
            await house.work(address)

        assert MemoryFolder(disk, "blobs").names() == before
        assert await weights(house) == trained(1)
        assert house.director.describe(caller(), MRI).current_round == 1
        assert await house.download() != b""
        disk.capacity_bytes = None
        await asyncio.sleep(120)
        await house.work_to_the_end(address)
        assert house.status() is Status.FINISHED
        await house.register("b")
        assert other not in [view.name for view in house.director.experiments(caller())]


async def test_a_rotten_archive_is_refused_and_fails_its_experiment_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = MemoryDisk()
    async with alive(disk) as house:
        await house.submit()
        await house.settled()
        archive = house.director._federation.catalogue.running[0].archive
    disk.crash()
    disk.revive(Survival.WRITTEN)
    disk.spoil("blobs", archive, 100)

    async with alive(disk) as house:
        await house.settled()

        view = house.director.describe(caller(), MRI)
        assert (view.status, "failed to open" in view.reason) == (Status.FAILED, True)
        assert "is damaged: restore it from a backup" in caplog.text
        assert await house.download() == b""


async def test_a_snapshot_that_does_not_fit_is_done_without(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "_MANY", 20)
    disk = MemoryDisk()
    async with alive(disk) as house:
        await house.register(*(f"e{number}" for number in range(15)))
        # Room for a few more events, and not for the snapshot beside them.
        disk.capacity_bytes = disk.used_bytes + 1_500
        await house.register(*(f"e{number}" for number in range(5)))
        await house.settled()

    assert "the journal stays as long as it is" in caplog.text
    disk.capacity_bytes = None
    async with alive(disk) as house:
        assert len(house.director.envoys(caller())) == 15


async def test_a_missing_file_is_told_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    disk = MemoryDisk()
    async with alive(disk) as house:
        await house.submit()
        archive = house.director._federation.catalogue.running[0].archive
    MemoryFolder(disk, "blobs").remove(archive)

    async with alive(disk) as house:
        await house.settled()

        assert f"1 stored files are missing, such as {archive}" in caplog.text
        assert house.status() is Status.FAILED


async def test_a_file_that_cannot_be_deleted_goes_with_the_next_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(operation: Operation) -> None:
        if operation.kind is Kind.REMOVE:
            raise OSError(errno.EIO, "input/output error")

    disk = MemoryDisk()
    async with alive(disk) as house:
        await house.submit()
        stop = disk.watch(fail)
        await house.director.remove(caller(), MRI)
        await house.settled()
        stop()
        assert "stays until the next start" in caplog.text
        assert MemoryFolder(disk, "blobs").names()

    async with alive(disk) as house:
        assert MemoryFolder(disk, "blobs").names() == []
