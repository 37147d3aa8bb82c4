"""Opens runs: the archive rewritten for its collaborators, and an aggregation to answer for it."""

import asyncio
import socket
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from director.clock import Clock
from director.core.aggregation import Aggregation
from director.core.attendance import Attendance
from director.core.effects import StartRun
from director.core.model import BlobId, Model
from director.core.rules import Rules
from director.core.tensors import model_from_bytes
from director.errors import PortUnavailableError
from director.interface import RunPorts
from director.offload import Offload
from director.settings import Settings
from director.shell.blobs import Blobs
from director.shell.foreigners import Foreigners
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
    port: int
    """Where its collaborators find it."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a result is read that takes long."""


class Opener:
    """Knows where collaborators reach this Director; until it does, nothing is opened."""

    def __init__(
        self,
        *,
        blobs: Blobs,
        offload: Offload,
        settings: Settings,
        foreigners: Foreigners,
        rules: Rules,
        clock: Clock,
        work: Tasks,
        chores: Tasks,
    ) -> None:
        self._blobs = blobs
        self._rules = rules
        self._clock = clock
        self._offload = offload
        self._settings = settings
        self._foreigners = foreigners
        self._work = work
        self._chores = chores
        self._cache = ChunkCache(room_bytes=settings.chunk_cache_bytes)
        self._handouts = 0
        self._host = ""
        self._port = 0
        self._announced = asyncio.Event()
        self._ports: RunPorts | None = None

    @property
    def is_announced(self) -> bool:
        """Whether runs can be opened."""
        return self._announced.is_set()

    def announce(self, host: str, port: int) -> None:
        """Learn where the server listens."""
        self._host = socket.getfqdn() if host in _EVERYWHERE else host
        self._port = port
        self._announced.set()

    def use_ports(self, ports: RunPorts) -> None:
        """Learn how to open more ports than the server's own."""
        self._ports = ports

    async def open(self, order: StartRun) -> OpenRun:
        """Return the run, ready for its collaborators.

        Raises:
            PortUnavailableError: they are to come to a port that cannot be had.
            ForeignCodeError: it brings code that may not be loaded.
        """
        self._foreigners.check_run(order)
        await self._announced.wait()
        port = await self._open_port(order)
        try:
            return await self._open(order, port)
        except BaseException:
            self._close_port(port)
            raise

    def close(self, opened: OpenRun) -> None:
        """Let go of what a run consisted of; collaborators may go on to come for a while.

        Those of OpenFL never come again, to nobody, where they find a closed port.
        """
        opened.handout.release()
        self._close_port(opened.port, after_s=self._rules.dead_after_s)

    async def _open_port(self, order: StartRun) -> int:
        port = order.port
        if self._settings.aggregator_port == "own" or port is None or port == self._port:
            return self._port
        if self._ports is None:
            raise PortUnavailableError(port)
        await self._ports.open(port)
        return port

    def _close_port(self, port: int, *, after_s: float = 0) -> None:
        async def close(ports: RunPorts) -> None:
            await asyncio.sleep(after_s)
            await ports.close(port)

        if port != self._port and self._ports is not None:
            self._work.spawn(close(self._ports), name=f"close port {port}")

    async def _open(self, order: StartRun, port: int) -> OpenRun:
        aggregation = await self._aggregation(order)
        async with self._blobs.archives.writer() as writer:
            federation = await self._offload(partial(self._rewrite, order, port, writer.file))
            reader = await writer.keep_nowhere()
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
            federation=federation,
            aggregation=aggregation,
            attendance=attendance,
            handout=handout,
            port=port,
        )

    async def _aggregation(self, order: StartRun) -> Aggregation:
        checkpoint = order.checkpoint
        models = {number: await self._model(blob) for number, blob in checkpoint.models.items()}
        aggregation = Aggregation(order.plan, order.collaborators, models[checkpoint.round])
        if checkpoint.round:
            memory = {} if checkpoint.memory is None else await self._model(checkpoint.memory)
            aggregation.restore(checkpoint, models, memory)
        return aggregation

    async def _model(self, blob: BlobId) -> Model:
        return await self._offload(partial(model_from_bytes, await self._blobs.load(blob)))

    def _rewrite(self, order: StartRun, port: int, target: BinaryIO) -> str:
        host = self._settings.aggregator_address or order.address or self._host
        with self._blobs.archives.open(order.archive) as source:
            return rewrite_workspace(
                source,
                target,
                agg_addr=host,
                agg_port=port,
                # Collaborators of an experiment with an equal plan must not be taken for its own.
                hash_salt=order.experiment,
            )
