"""A TCP proxy on loopback: where links of the wire world are stalled and cut for real.

A stall holds bytes, ends and resets alike, so that neither side can tell; a cut resets both sides.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.network.api import Gate

_CHUNK = 64 * 1024
_BACKLOG = 128
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST, not FIN."""

Target = tuple[str, int]


@dataclass(slots=True, eq=False)
class Tunnel:
    """One connection of a client, and the one to the target that it is led on to."""

    near: socket.socket
    far: socket.socket | None = None
    number: int = 0
    """Set once it has reached the target."""
    task: asyncio.Task[None] | None = None

    def reset(self) -> None:
        """Break both connections."""
        if self.task is not None:
            self.task.cancel()

    def close(self) -> None:
        """Close both, by a reset unless they have ended in good order."""
        self.near.close()
        if self.far is not None:
            self.far.close()


@dataclass(slots=True)
class Path:
    """What all connections of one actor share."""

    towards: Gate = field(default_factory=Gate)
    back: Gate = field(default_factory=Gate)
    numbered: int = 0
    tunnels: dict[Tunnel, None] = field(default_factory=dict)

    def stall(self, *, towards_director: bool = True, from_director: bool = True) -> None:
        """See `simulator.network.api.Link`."""
        if towards_director:
            self.towards.shut()
        if from_director:
            self.back.shut()

    def heal(self, *, towards_director: bool = True, from_director: bool = True) -> None:
        """Let everything pass again, in these directions."""
        if towards_director:
            self.towards.open()
        if from_director:
            self.back.open()

    def cut(self) -> None:
        """Reset every connection."""
        for tunnel in tuple(self.tunnels):
            # At once, for whoever asks for the number meanwhile.
            self.tunnels.pop(tunnel, None)
            tunnel.reset()

    def strand(self) -> Callable[[], None]:
        """See `simulator.network.api.Link`."""
        # A connection stays open for as long as there is a copy of its socket.
        stranded = [tunnel.far.dup() for tunnel in self.tunnels if tunnel.far is not None]
        self.cut()

        def tell() -> None:
            while stranded:
                stranded.pop().close()

        return tell

    @property
    def connection(self) -> int:
        """The number of the connection that a call made now would go over, from 1."""
        living = [tunnel.number for tunnel in self.tunnels if tunnel.number]
        return living[-1] if living else self.numbered + 1


class Proxy:
    """Listens on a port of its own, and leads who comes there to the target."""

    def __init__(self, path: Path, target: Target) -> None:
        """Listen; needs a running loop."""
        self._path = path
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._listening.settimeout(0)
        self.port: int = self._listening.getsockname()[1]
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._loop = asyncio.get_running_loop()
        # Not by `sock_accept`, which drops a connection when it is cancelled at the wrong moment.
        self._loop.add_reader(self._listening, self._accept)

    async def close(self) -> None:
        """Break every connection, and leave nothing behind."""
        self._loop.remove_reader(self._listening)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listening.close()

    def _accept(self) -> None:
        try:
            near, _ = self._listening.accept()
        except OSError:
            return  # who came has left again
        tunnel = Tunnel(_ready(near))
        self._path.tunnels[tunnel] = None
        tunnel.task = task = self._loop.create_task(self._lead(tunnel))
        self._tasks[task] = None

        def end(_: object) -> None:
            # Here, for a task that is cancelled before it starts does nothing itself.
            self._tasks.pop(task, None)
            self._path.tunnels.pop(tunnel, None)
            tunnel.close()

        task.add_done_callback(end)

    async def _lead(self, tunnel: Tunnel) -> None:
        path = self._path
        try:
            # A black hole swallows the first packet too.
            await path.towards.passed()
            await path.back.passed()
            tunnel.far = far = await self._connect()
            path.numbered += 1
            tunnel.number = path.numbered
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(tunnel.near, far, path.towards))
                group.create_task(self._pump(far, tunnel.near, path.back))
            _forget_reset(tunnel.near, far)
        except* OSError:
            pass  # one side is gone; the other is told so by a reset

    async def _connect(self) -> socket.socket:
        """Raises OSError where nobody listens."""
        host, port = self._target
        failure = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in await self._loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            far = _ready(socket.socket(family, kind, protocol))
            try:
                await self._loop.sock_connect(far, address)
            except OSError as error:
                far.close()
                failure = error
            except asyncio.CancelledError:
                far.close()
                raise
            else:
                return far
        raise failure

    async def _pump(self, source: socket.socket, sink: socket.socket, gate: Gate) -> None:
        try:
            while chunk := await self._loop.sock_recv(source, _CHUNK):
                await gate.passed()
                await self._loop.sock_sendall(sink, chunk)
        except OSError:
            await gate.passed()
            raise
        await gate.passed()
        sink.shutdown(socket.SHUT_WR)


def _ready(connection: socket.socket) -> socket.socket:
    connection.settimeout(0)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    return connection


def _forget_reset(*connections: socket.socket) -> None:
    """Let connections that ended in good order be closed so."""
    for connection in connections:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
