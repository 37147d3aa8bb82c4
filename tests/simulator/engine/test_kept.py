"""Storage in memory that counts, fails and rots when it is told to."""

import pytest

from director.core.events import ShardReported
from director.core.model import BlobId, EnvoyName, Shard
from director.storage import DamagedBlobError, DiskFailedError, NoRoomError
from simulator.engine.kept import Kept, Operation

EVENT = ShardReported(shard=Shard(envoy=EnvoyName("a"), sample_shape=("1",)))


async def stored(kept: Kept, content: bytes = b"weights") -> BlobId:
    async with kept.archives.writer() as writer:
        await writer.write(content)
        return await writer.commit()


async def test_what_was_kept_is_read_back_equal() -> None:
    kept = Kept()
    await kept.journal.append(EVENT, 1.5)
    blob = await stored(kept)

    (entry,) = kept.journal.replay()

    assert (entry.record, entry.now) == (EVENT, 1.5)
    assert await kept.archives.reader(blob).read_at(0, 100) == b"weights"


async def test_every_operation_is_told_before_and_after_it() -> None:
    kept = Kept()
    seen: list[Operation] = []
    kept.operations.watcher = seen.append

    blob = await stored(kept)
    await kept.journal.append(EVENT, 1.0)
    await kept.archives.delete(blob)
    await kept.archives.keep_only([])

    assert [(each.number, each.kind) for each in seen if not each.is_done] == [
        (1, "create blob"),
        (2, "write blob"),
        (3, "commit blob"),
        (4, "append ShardReported"),
        (5, "delete blob"),
        (6, "delete orphans"),
    ]
    assert [each.number for each in seen if each.is_done] == [1, 2, 3, 4, 5, 6]


async def test_what_is_written_after_a_crash_does_not_reach_the_next_director() -> None:
    kept = Kept()
    await kept.journal.append(EVENT, 1.0)

    left = kept.at_this_moment()
    await kept.journal.append(EVENT, 2.0)
    await stored(kept)

    assert len(list(left.journal.replay())) == 1
    assert left.archives.list() == {}


@pytest.mark.parametrize("refusal", [NoRoomError, DiskFailedError])
async def test_a_disk_in_trouble_keeps_nothing(
    refusal: type[NoRoomError | DiskFailedError],
) -> None:
    kept = Kept()
    kept.operations.refusal = refusal

    with pytest.raises(refusal):
        await kept.journal.append(EVENT, 1.0)
    with pytest.raises(refusal):
        await stored(kept)

    assert list(kept.journal.replay()) == []
    assert kept.archives.list() == {}


async def test_what_has_rotted_is_not_handed_out() -> None:
    kept = Kept()
    blob = await stored(kept)

    assert kept.rot() == 1

    with pytest.raises(DamagedBlobError):
        kept.archives.reader(blob)
    with pytest.raises(DamagedBlobError):
        kept.archives.open(blob)
