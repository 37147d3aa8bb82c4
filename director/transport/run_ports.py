"""Ports of runs: each has a server of its own, for whoever was told by a plan to come there.

Several runs may share a port; which one is meant, the header of each request tells.
"""

import asyncio
import logging
from collections.abc import Callable

import grpc
import grpc.aio

from director.errors import PortUnavailableError
from director.transport.listening import CannotListenError

_log = logging.getLogger(__name__)

_GRACE_S = 1.0
"""Collaborators ask for little at a time."""


class OpenPorts:
    """As `director.interface.RunPorts`; `listen` makes a server that is not started yet."""

    def __init__(self, listen: Callable[[int], grpc.aio.Server]) -> None:
        self._listen = listen
        self._servers: dict[int, grpc.aio.Server] = {}
        self._users: dict[int, int] = {}
        self._turn = asyncio.Lock()

    async def open(self, port: int) -> None:
        async with self._turn:
            if port not in self._servers:
                self._servers[port] = await self._started(port)
                _log.info("collaborators may come to port %d, too", port)
            self._users[port] = self._users.get(port, 0) + 1

    async def _started(self, port: int) -> grpc.aio.Server:
        try:
            server = self._listen(port)
        except CannotListenError as error:
            raise PortUnavailableError(port) from error
        await server.start()
        return server

    async def close(self, port: int) -> None:
        async with self._turn:
            self._users[port] -= 1
            if self._users[port] > 0:
                return
            del self._users[port]
            await self._servers.pop(port).stop(_GRACE_S)
            _log.info("port %d is closed", port)

    async def close_all(self, grace_s: float) -> None:
        """Close every port, whoever uses it."""
        async with self._turn:
            servers = tuple(self._servers.values())
            self._servers.clear()
            self._users.clear()
            await asyncio.gather(*(server.stop(grace_s) for server in servers))
