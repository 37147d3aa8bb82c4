"""The Director in this process, on the network in memory: for virtual time."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from director import DirectorGRPCServer
from simulator.engine.host import Blueprint, abandon, held_by
from simulator.engine.kept import Kept
from simulator.network.api import Network, RuleBook
from simulator.network.memory import MemoryNetwork
from simulator.pki import MEMORY_HOST
from simulator.world import Signal

_PORT = 50051


class MemoryHost:
    """See `simulator.engine.host.Host`."""

    def __init__(self, blueprint: Blueprint, rules: RuleBook) -> None:
        self._blueprint = blueprint
        self._folder = TemporaryDirectory(prefix="squall-")
        self._kept = Kept()
        self._server: DirectorGRPCServer | None = None
        self._memory = MemoryNetwork(
            rules, server_credentials=blueprint.credentials, now=blueprint.clock.now
        )
        self.network: Network = self._memory
        self.address = f"{MEMORY_HOST}:{_PORT}"

    async def start(self) -> None:
        folder = Path(self._folder.name)
        server = self._blueprint.build(folder, host=MEMORY_HOST, port=_PORT, kept=self._kept)
        server.director.announce(MEMORY_HOST, _PORT)
        await server.director.start()
        self._memory.attach()
        server.register(self._memory.server)
        await self._memory.server.start()
        self._server = server

    async def take_down(self, signal: Signal) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        if signal == "stop":
            await self._stop(server)
        else:
            await self._kill(server)

    async def _stop(self, server: DirectorGRPCServer) -> None:
        # As `DirectorGRPCServer` does it: first of all nothing new is let in.
        stopping = asyncio.create_task(self._memory.server.stop(server.grace_s))
        await asyncio.sleep(0)
        await server.director.close()
        await stopping

    async def _kill(self, server: DirectorGRPCServer) -> None:
        # Its handlers may write in their last moments, but not into what the next one finds.
        self._kept = self._kept.at_this_moment()
        self._memory.crash()
        await abandon(server)

    def held(self) -> Mapping[str, int]:
        return held_by(self._server)

    async def close(self) -> None:
        await self.take_down("stop")
        await self.network.close()
        self._folder.cleanup()
