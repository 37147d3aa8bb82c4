"""Opens runs: the archive rewritten for its collaborators, and an aggregation to answer for it."""

import asyncio
import socket
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from director.clock import Clock
from director.core.aggregation import Aggregation
from director.core.attendance import Attendance
from director.core.effects import StartRun
from director.core.rules import Rules
from director.core.tensors import model_from_bytes
from director.offload import Offload
from director.settings import Settings
from director.shell.blobs import Blobs
from director.shell.handouts import ChunkCache, Handout
from director.shell.tasks import Tasks
from director.workspace import rewrite_workspace

_EVERYWHERE = ("", "[::]", "::", "0.0.0.0")  # noqa: S104 - recognised here, not listened on


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """What a run consists of while it lasts."""

    federation: str
    aggregation: Aggregation
    attendance: Attendance
    handout: Handout


class Opener:
    """Knows where collaborators reach this Director; until it does, nothing is opened."""

    def __init__(
        self,
        *,
        blobs: Blobs,
        offload: Offload,
        settings: Settings,
        rules: Rules,
        clock: Clock,
        chores: Tasks,
    ) -> None:
        self._blobs = blobs
        self._rules = rules
        self._clock = clock
        self._offload = offload
        self._settings = settings
        self._chores = chores
        self._cache = ChunkCache(room_bytes=settings.chunk_cache_bytes)
        self._handouts = 0
        self._host = ""
        self._port = 0
        self._announced = asyncio.Event()

    @property
    def is_announced(self) -> bool:
        """Whether runs can be opened."""
        return self._announced.is_set()

    def announce(self, host: str, port: int) -> None:
        """Learn where the server listens."""
        self._host = socket.getfqdn() if host in _EVERYWHERE else host
        self._port = port
        self._announced.set()

    async def open(self, order: StartRun) -> OpenRun:
        """Return the run, ready for its collaborators."""
        await self._announced.wait()
        initial = await self._blobs.load(order.model)
        aggregation = Aggregation(
            order.plan,
            order.collaborators,
            await self._offload(partial(model_from_bytes, initial)),
        )
        # The copy is deleted at once, and lives on in its reader: nothing can leave it behind.
        with self._blobs.lease() as blobs:
            async with self._blobs.archives.writer() as writer:
                federation = await self._offload(partial(self._rewrite, order, writer.file))
                blobs.append(await writer.commit())
            reader = self._blobs.archives.reader(blobs[0])
        self._handouts += 1
        handout = Handout(
            self._handouts,
            reader,
            chunk_bytes=self._settings.chunk_bytes,
            cache=self._cache,
            tasks=self._chores,
        )
        attendance = Attendance(
            self._rules, order.plan.haste, order.collaborators, opened_at=self._clock.now()
        )
        return OpenRun(
            federation=federation, aggregation=aggregation, attendance=attendance, handout=handout
        )

    def _rewrite(self, order: StartRun, target: BinaryIO) -> str:
        host = self._settings.aggregator_address or order.address or self._host
        with self._blobs.archives.open(order.archive) as source:
            return rewrite_workspace(
                source,
                target,
                agg_addr=host,
                agg_port=self._port,
                # Collaborators of an experiment with an equal plan must not be taken for its own.
                hash_salt=order.experiment,
            )
