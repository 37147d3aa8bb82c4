"""What happens at once: ends that overtake openings, removals that overtake stores."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from director.core.model import BlobId
from director.shell.waits import Waits
from director.storage import BlobWriter, MemoryArchives
from tests.director.house import MRI, caller, housed

SLOW_S = 5.0


class SlowWriter:
    """Takes its time to commit."""

    def __init__(self, inner: BlobWriter) -> None:
        self._inner = inner
        self.file = inner.file
        self.write = inner.write
        self.keep_nowhere = inner.keep_nowhere

    async def commit(self) -> BlobId:
        await asyncio.sleep(SLOW_S)
        return await self._inner.commit()


class SlowArchives(MemoryArchives):
    """A disk under load; it may also fail to delete."""

    def __init__(self) -> None:
        super().__init__()
        self.can_delete = True

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        async with super().writer() as inner:
            yield SlowWriter(inner)

    async def delete(self, blob: BlobId) -> None:
        if not self.can_delete:
            raise OSError("input/output error")
        await super().delete(blob)


async def test_an_experiment_that_ends_while_it_is_opened_leaves_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with housed(archives=SlowArchives()) as house:
        await house.submit()
        await asyncio.sleep(SLOW_S / 2)

        await house.fail()

        assert await house.download() == b""
        await asyncio.sleep(SLOW_S)
        held = await house.settled()
        assert (held["tasks"], held["archives"]) == (0, 0)
        assert "could not be opened" not in caplog.text


async def test_an_experiment_that_is_removed_while_its_models_are_stored_leaves_nothing() -> None:
    async with housed(archives=SlowArchives()) as house:
        await house.submit()
        await house.work(await house.join())
        await house.fail()
        await asyncio.sleep(SLOW_S / 2)

        await house.director.remove(caller(), MRI)

        await asyncio.sleep(3 * SLOW_S)
        assert (await house.settled())["archives"] == 0


async def test_what_fails_in_the_background_is_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    archives = SlowArchives()
    async with housed(archives=archives) as house:
        await house.submit()
        archives.can_delete = False

        await house.fail()
        await house.settled()

        assert "failed in the background: delete blobs" in caplog.text


async def test_a_long_poll_keeps_the_answer_that_came_just_before_its_time_was_over() -> None:
    waits = Waits()
    with waits.parked() as wait:
        answer = asyncio.ensure_future(waits.answer(wait, within_s=SLOW_S))
        await asyncio.sleep(0)
        waits._parked[wait].set_result(MRI)
        waits._end(waits._parked[wait])

        assert await answer == MRI
