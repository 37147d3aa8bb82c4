"""The Director on a real socket, for real time: in this process, or somebody else's."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from director import DirectorGRPCServer
from simulator.engine.host import LOOPBACK, Blueprint, HostError, abandon, held_by
from simulator.engine.kept import Kept
from simulator.network.api import Network, RuleBook
from simulator.network.wire import WireNetwork
from simulator.world import Signal, StorageTrouble


class WireHost:
    """See `simulator.engine.host.Host`; the Director is one of ours, in this process."""

    def __init__(self, blueprint: Blueprint, rules: RuleBook) -> None:
        self._blueprint = blueprint
        self._rules = rules
        self._folder = TemporaryDirectory(prefix="squall-")
        self._kept = Kept()
        self._server: DirectorGRPCServer | None = None
        self._serving = AsyncExitStack()
        self._port = 0
        self.network: Network
        self.address = ""

    async def start(self) -> None:
        folder = Path(self._folder.name)
        server = self._blueprint.build(folder, host=LOOPBACK, port=self._port, kept=self._kept)
        try:
            await self._serving.enter_async_context(server.serving())
        except OSError as error:
            raise HostError(str(error)) from error
        self._server = server
        if not self._port:
            self._port = server.port
            self.address = f"{LOOPBACK}:{self._port}"
            self.network = WireNetwork(self.address, self._rules)

    async def take_down(self, signal: Signal) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        if signal != "stop":
            await self._kill(server)
        await self._serving.aclose()

    async def _kill(self, server: DirectorGRPCServer) -> None:
        """Come as close to a killed process as a part of a living one can."""
        self._kept.sever("kill")
        assert server.server is not None
        await server.server.stop(None)
        await abandon(server)
        server.grace_s = 0

    def troubled(self, trouble: StorageTrouble) -> AbstractContextManager[None]:
        """Let something be wrong with the disk for as long as the block runs."""
        return self._kept.troubled(trouble)

    def held(self) -> Mapping[str, int]:
        return held_by(self._server)

    async def close(self) -> None:
        await self.take_down("stop")
        if self.address:
            await self.network.close()
        self._folder.cleanup()


class ExternalHost:
    """See `simulator.engine.host.Host`; it can be reached, and nothing more."""

    def __init__(self, address: str, rules: RuleBook) -> None:
        self.address = address
        self.network: Network = WireNetwork(address, rules)

    async def start(self) -> None:
        """Do nothing: whoever owns it has started it."""

    async def take_down(self, signal: Signal) -> None:
        """Do nothing: it is not ours to take down."""

    def held(self) -> Mapping[str, int]:
        return {}

    async def close(self) -> None:
        await self.network.close()
