"""What a dead Director leaves on its disk, and what is wrong with the disk when a scenario asks."""

import pytest

from director.core.events import ShardReported
from director.core.model import BlobId, EnvoyName, Shard
from director.storage import DamagedBlobError, DiskFailedError, NoRoomError
from director.storage.memory_state import MemoryState
from simulator.engine.kept import Kept
from simulator.world import Signal, StorageTrouble

EVENT = ShardReported(shard=Shard(envoy=EnvoyName("a"), sample_shape=("1",)))


async def stored(state: MemoryState, content: bytes = b"weights") -> BlobId:
    async with state.archives.writer() as writer:
        await writer.write(content)
        return await writer.commit()


@pytest.mark.parametrize("signal", ["kill", "power", "torn"])
async def test_what_was_kept_is_there_after_every_death(signal: Signal) -> None:
    kept = Kept()
    state = kept.opened()
    await state.journal.append(EVENT, 1.5)
    blob = await stored(state)

    kept.sever(signal)
    heir = kept.opened()

    (entry,) = heir.journal.replay()
    assert (entry.record, entry.now) == (EVENT, 1.5)
    assert await heir.archives.reader(blob).read_at(0, 100) == b"weights"


async def test_who_is_dead_writes_nothing_any_more() -> None:
    kept = Kept()
    state = kept.opened()
    kept.sever("kill")
    heir = kept.opened()

    with pytest.raises(DiskFailedError):
        await state.journal.append(EVENT, 1.0)

    assert list(heir.journal.replay()) == []


@pytest.mark.parametrize(
    ("trouble", "refusal"), [("full", NoRoomError), ("error", DiskFailedError)]
)
async def test_a_disk_in_trouble_refuses_and_recovers(
    trouble: StorageTrouble, refusal: type[Exception]
) -> None:
    kept = Kept()
    state = kept.opened()

    with kept.troubled(trouble):
        with pytest.raises(refusal):
            await state.journal.append(EVENT, 1.0)
        with pytest.raises(refusal):
            await stored(state)
    await state.journal.append(EVENT, 2.0)

    assert [entry.now for entry in state.journal.replay()] == [2.0]
    assert state.archives.list() == {}


async def test_what_has_rotted_is_not_handed_out() -> None:
    kept = Kept()
    state = kept.opened()
    blob = await stored(state)

    with kept.troubled("rot"):
        pass

    with pytest.raises(DamagedBlobError):
        await state.archives.reader(blob).read_at(0, 10)
    with pytest.raises(DamagedBlobError):
        state.archives.open(blob)
