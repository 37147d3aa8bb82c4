"""The Director in this process, on the network in memory: for virtual time."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from director import DirectorGRPCServer
from director.errors import DirectorError
from director.storage import StateError
from director.storage.memory_disk import Operation
from simulator.engine.host import Blueprint, HostError, abandon, held_by
from simulator.engine.kept import Kept, is_append
from simulator.network.api import Network, RuleBook
from simulator.network.memory import MemoryNetwork
from simulator.pki import MEMORY_HOST
from simulator.world import Signal, StorageTrouble

_PORT = 50051

_TEARS_WITHIN_S = 5.0
"""Where people work, something is written to the journal in this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """Before or after which operation on its storage a Director is to die, once."""

    operation: int
    is_after: bool

    def __str__(self) -> str:
        return f"{'after' if self.is_after else 'before'} operation {self.operation}"


class MemoryHost:
    """See `simulator.engine.host.Host`."""

    def __init__(
        self, blueprint: Blueprint, rules: RuleBook, *, crash_point: CrashPoint | None = None
    ) -> None:
        self._blueprint = blueprint
        self._crash_point = crash_point
        self._folder = TemporaryDirectory(prefix="squall-")
        self._kept = Kept()
        self._kept.disk.watch(self._watch)
        self._server: DirectorGRPCServer | None = None
        self._has_crashed = False
        self._tearing: asyncio.Future[DirectorGRPCServer] | None = None
        """Waits for the next write to the journal, which is to be the last."""
        self._note_tear: Callable[[], object] = lambda: None
        self.on_crash: Callable[[Operation], None] | None = None
        """Told of the crash at `crash_point`; is to see to it that the Director comes back."""
        self._memory = MemoryNetwork(
            rules, server_credentials=blueprint.credentials, now=blueprint.clock.now
        )
        self.network: Network = self._memory
        self.address = f"{MEMORY_HOST}:{_PORT}"

    @property
    def operations(self) -> int:
        """How many operations on its storage there were, in all lives of the Director."""
        return self._kept.disk.operations

    async def start(self) -> None:
        server = await self._started()
        while server is None:
            # It died before it had come up.
            server = await self._started()
        self._memory.attach()
        server.register(self._memory.server)
        await self._memory.server.start()
        self._server = server

    async def _started(self) -> DirectorGRPCServer | None:
        """Return a Director that has begun; None where it met its crash point meanwhile."""
        self._has_crashed = False
        folder = Path(self._folder.name)
        server: DirectorGRPCServer | None = None
        try:
            server = self._blueprint.build(folder, host=MEMORY_HOST, port=_PORT, kept=self._kept)
            server.director.announce(MEMORY_HOST, _PORT)
            await server.director.start()
        except (OSError, DirectorError, StateError) as error:
            if not self._has_crashed:
                raise HostError(f"the Director did not start: {error}") from error
        if not self._has_crashed:
            return server
        if server is not None:
            await abandon(server)
        return None

    async def take_down(self, signal: Signal) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        if signal == "stop":
            await self._stop(server)
        else:
            self._vanish(signal)
            await abandon(server)

    async def tear(self, note: Callable[[], object]) -> None:
        """Let it die in the middle of its next write to the journal, and call `note` just then.

        Where nothing is written for a while, it dies all the same.
        """
        tearing = self._tearing = asyncio.get_running_loop().create_future()
        self._note_tear = note
        try:
            await asyncio.wait([tearing], timeout=_TEARS_WITHIN_S)
        finally:
            # Whoever heals the fault before it is dead gets it back from the dead all the same.
            self._tearing = None
            if tearing.done():
                await abandon(tearing.result())
            else:
                note()
                await self.take_down("torn")

    def _tear(self, tearing: "asyncio.Future[DirectorGRPCServer]") -> None:
        server, self._server = self._server, None
        assert server is not None
        self._tearing = None
        self._vanish("torn")
        self._note_tear()
        tearing.set_result(server)

    async def _stop(self, server: DirectorGRPCServer) -> None:
        # As `DirectorGRPCServer` does it: first of all nothing new is let in.
        stopping = asyncio.create_task(self._memory.server.stop(server.grace_s))
        await asyncio.sleep(0)
        server.director.drain()
        await stopping
        await server.director.close()

    def _vanish(self, signal: Signal) -> None:
        """Die in this very moment."""
        # Its handlers would write in their last moments, but not on this disk.
        self._kept.sever(signal)
        self._memory.crash()

    def _watch(self, operation: Operation) -> None:
        if self._tearing is not None and is_append(operation):
            self._tear(self._tearing)
            return
        point = self._crash_point
        if point is None or (operation.number, operation.is_done) != (
            point.operation,
            point.is_after,
        ):
            return
        self._crash_point = None
        self._has_crashed = True
        server, self._server = self._server, None
        self._vanish("power")
        if server is not None and self.on_crash is not None:
            self._ending = asyncio.create_task(abandon(server))
            self.on_crash(operation)

    def troubled(self, trouble: StorageTrouble) -> AbstractContextManager[None]:
        """Let something be wrong with the disk for as long as the block runs."""
        return self._kept.troubled(trouble)

    def held(self) -> Mapping[str, int]:
        return held_by(self._server)

    async def close(self) -> None:
        await self.take_down("stop")
        await self.network.close()
        self._folder.cleanup()
