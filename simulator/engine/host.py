"""The Director under test: how it is started, stopped, looked into, and reached.

A host hides whether the Director lives in this process, in another, or belongs to somebody else.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from director import Director, DirectorGRPCServer
from director.clock import Clock
from director.interface import ReviewPlan
from director.offload import Offload
from director.settings import Settings
from simulator.network.api import Network, RuleBook, ServerCredentials
from simulator.network.memory import MemoryNetwork
from simulator.network.wire import WireNetwork
from simulator.pki import MEMORY_HOST
from simulator.scenario.schema import DirectorSpec, Review

ServerFactory = Callable[..., DirectorGRPCServer]
"""Takes the keywords of `DirectorGRPCServer`; tests plant bugs by giving another."""

_MEMORY_PORT = 50051
_LOOPBACK = "127.0.0.1"


class HostError(RuntimeError):
    """The Director under test could not be started; the message says why."""


class Host(Protocol):
    """The Director under test, and the network that leads to it."""

    network: Network
    address: str
    """"host:port", as actors and plans name it."""

    async def start(self) -> None:
        """Bring it up, or up again.

        Raises:
            HostError: it does not come up.
        """

    async def stop(self) -> None:
        """Let it finish what is open, and go."""

    async def kill(self) -> None:
        """Take it away at once."""

    def held(self) -> Mapping[str, int]:
        """Return what the Director holds, by kind; empty where nobody can look into it."""

    async def close(self) -> None:
        """Stop it if it runs, and the network with it; nothing is left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """Everything about the Director that a run decides."""

    spec: DirectorSpec
    clock: Clock
    offload: Offload
    credentials: ServerCredentials | None = None
    """Left out: plaintext."""
    factory: ServerFactory = DirectorGRPCServer

    def build(self, folder: Path, *, host: str, port: int) -> DirectorGRPCServer:
        """Construct the server, its certificates in files as operators have them."""
        return self.factory(
            director_cls=Director,
            listen_host=host,
            listen_port=port,
            envoy_health_check_period=self.spec.config.heartbeat_period,
            sample_shape=self.spec.config.sample_shape,
            target_shape=self.spec.config.target_shape,
            settings=Settings(limits=self.spec.limits),
            review_plan_callback=_reviewer(self.spec.review),
            clock=self.clock,
            offload=self.offload,
            **self._tls(folder),
        )

    def _tls(self, folder: Path) -> dict[str, Any]:
        if self.credentials is None:
            return {"tls": False}
        files = {
            "root_certificate": self.credentials.root_certificate,
            "private_key": self.credentials.private_key,
            "certificate": self.credentials.certificate,
        }
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return {"tls": True, **{name: folder / name for name in files}}


class MemoryHost:
    """The Director in this process, on the network in memory: for virtual time."""

    def __init__(self, blueprint: Blueprint, rules: RuleBook) -> None:
        self._blueprint = blueprint
        self._folder = TemporaryDirectory(prefix="squall-")
        self._server: DirectorGRPCServer | None = None
        self._memory = MemoryNetwork(
            rules, server_credentials=blueprint.credentials, now=blueprint.clock.now
        )
        self.network: Network = self._memory
        self.address = f"{MEMORY_HOST}:{_MEMORY_PORT}"

    async def start(self) -> None:
        server = self._blueprint.build(Path(self._folder.name), host=MEMORY_HOST, port=_MEMORY_PORT)
        server.director.announce(MEMORY_HOST, _MEMORY_PORT)
        await server.director.start()
        self._memory.attach()
        server.register(self._memory.server)
        await self._memory.server.start()
        self._server = server

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.director.close()
            await self._memory.server.stop(self._server.grace_s)
            self._server = None

    async def kill(self) -> None:
        self._memory.crash()
        self._server = None

    def held(self) -> Mapping[str, int]:
        return _held(self._server)

    async def close(self) -> None:
        await self.stop()
        await self.network.close()
        self._folder.cleanup()


class WireHost:
    """The Director in this process, on a real socket: for real time."""

    def __init__(self, blueprint: Blueprint, rules: RuleBook) -> None:
        self._blueprint = blueprint
        self._rules = rules
        self._folder = TemporaryDirectory(prefix="squall-")
        self._server: DirectorGRPCServer | None = None
        self._serving = AsyncExitStack()
        self._port = 0
        self.network: Network
        self.address = ""

    async def start(self) -> None:
        server = self._blueprint.build(Path(self._folder.name), host=_LOOPBACK, port=self._port)
        try:
            await self._serving.enter_async_context(server.serving())
        except OSError as error:
            raise HostError(str(error)) from error
        self._server = server
        if not self._port:
            self._port = server.port
            self.address = f"{_LOOPBACK}:{self._port}"
            self.network = WireNetwork(self.address, self._rules)

    async def stop(self) -> None:
        await self._serving.aclose()
        self._server = None

    async def kill(self) -> None:
        # Within one process a server can only be asked to go without grace.
        if self._server is not None:
            self._server.grace_s = 0
        await self.stop()

    def held(self) -> Mapping[str, int]:
        return _held(self._server)

    async def close(self) -> None:
        await self.stop()
        if self.address:
            await self.network.close()
        self._folder.cleanup()


class ExternalHost:
    """Somebody else's Director: it can be reached, and nothing more."""

    def __init__(self, address: str, rules: RuleBook) -> None:
        self.address = address
        self.network: Network = WireNetwork(address, rules)

    async def start(self) -> None:
        """Do nothing: whoever owns it has started it."""

    async def stop(self) -> None:
        """Do nothing: it is not ours to stop."""

    async def kill(self) -> None:
        """Do nothing: it is not ours to kill."""

    def held(self) -> Mapping[str, int]:
        return {}

    async def close(self) -> None:
        await self.network.close()


def _held(server: DirectorGRPCServer | None) -> Mapping[str, int]:
    director = None if server is None else server.director
    return director.held() if isinstance(director, Director) else {}


def _reviewer(review: Review | None) -> ReviewPlan | None:
    """Return a person who looks at experiments as the scenario says, or nobody."""
    if review is None:
        return None

    async def look(experiment: str, plan: Path) -> bool:
        del plan
        await asyncio.sleep(review.takes)
        if any(fnmatchcase(experiment, glob) for glob in review.breaks):
            raise RuntimeError("the reviewer broke, as the scenario asks")
        return not any(fnmatchcase(experiment, glob) for glob in review.reject)

    return look
