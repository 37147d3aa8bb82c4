"""Archives that take long to read hold up neither the threads that all else needs, nor others.

On real threads, which is what this is about.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import BinaryIO

import pytest
from typing_extensions import override

from director.core.lifecycle import Status
from director.core.model import ExperimentName
from director.director import Director
from director.interface import UploadPart
from director.offload import in_thread
from director.storage import MemoryArchives, MemoryJournal
from director.storage.ports import BlobWriter
from tests.director.house import MRI, House, caller, parts
from tests.director.workspace.archives import with_plan

pytestmark = pytest.mark.wire

LONG = with_plan(**{"long.txt": "this takes its time"})
_MANY = 40
"""More than a loop has worker threads on any machine."""


_LONG_ENOUGH_S = 20
"""Where something would be held up for ever, the test fails rather than hangs."""


class Gate:
    """Holds up whoever reads a long archive, until it is opened."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._sent = asyncio.Semaphore(0)

    def pass_through(self) -> None:
        self._opened.wait()

    def note_sent(self) -> None:
        self._sent.release()

    def open(self) -> None:
        self._opened.set()

    async def reached(self, *, by: list[asyncio.Task[None]]) -> None:
        """Wait until all that is left to do for each upload is to read its archive."""
        for _ in by:
            await self._sent.acquire()


class _LongFile(BytesIO):
    def __init__(self, content: bytes, gate: Gate) -> None:
        super().__init__(content)
        self._gate = gate

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        self._gate.pass_through()
        return super().read(size)


class SlowArchives(MemoryArchives):
    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    @override
    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        async with super().writer() as writer:
            yield _SlowToRead(writer, self._gate)


class _SlowToRead:
    """A blob's writer, whose file is slow where it is long."""

    def __init__(self, writer: BlobWriter, gate: Gate) -> None:
        self._gate = gate
        self._writer = writer
        self.write = writer.write
        self.commit = writer.commit
        self.keep_nowhere = writer.keep_nowhere

    @property
    def file(self) -> BinaryIO:
        file = self._writer.file
        file.seek(0)
        content = file.read()
        return _LongFile(content, self._gate) if content == LONG else file


@asynccontextmanager
async def threaded(gate: Gate) -> AsyncIterator[House]:
    journal, archives = MemoryJournal(), SlowArchives(gate)
    director = Director(journal=journal, archives=archives)
    director.announce("localhost", 1)
    await director.start()
    try:
        yield House(director=director, archives=archives, journal=journal)
    finally:
        gate.open()
        await director.close()


async def counted(upload: AsyncIterator[UploadPart], gate: Gate) -> AsyncIterator[UploadPart]:
    async for part in upload:
        yield part
    gate.note_sent()


def long_uploads(house: House, gate: Gate, owners: list[str]) -> list[asyncio.Task[None]]:
    return [
        asyncio.create_task(
            house.director.submit(
                caller(owner), counted(parts(f"long-{number}", archive=LONG), gate)
            )
        )
        for number, owner in enumerate(owners)
    ]


async def test_however_many_archives_are_read_other_work_finds_a_thread() -> None:
    gate = Gate()
    async with threaded(gate) as house:
        uploads = long_uploads(house, gate, [f"owner-{number}" for number in range(_MANY)])
        await gate.reached(by=uploads)

        async with asyncio.timeout(_LONG_ENOUGH_S):
            assert await in_thread(lambda: "done") == "done"

        gate.open()
        await asyncio.gather(*uploads)


async def test_an_owner_has_one_archive_read_at_a_time_so_that_others_have_theirs_read() -> None:
    gate = Gate()
    async with threaded(gate) as house:
        uploads = long_uploads(house, gate, ["mallory"] * 8)
        await gate.reached(by=uploads)

        async with asyncio.timeout(_LONG_ENOUGH_S):
            await house.submit(MRI, owner="alice")

        assert house.status(owner="alice") is Status.IN_PROGRESS
        gate.open()
        await asyncio.gather(*uploads)
        assert house.status(ExperimentName("long-7"), owner="mallory") is Status.IN_PROGRESS
