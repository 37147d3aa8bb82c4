"""An actor's path to the Director in memory: connections, and the two pipes they share.

Each end of a connection knows only what has reached it: what the other end did may be on its way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.network.api import ClientCredentials
from simulator.network.memory_ends import ClientEnd, Listener, ServerEnd
from simulator.network.memory_flow import Pipe
from simulator.network.memory_tls import AuthContext, HandshakeError

RESET = "Connection reset by peer"
REFUSED = "Failed to connect to remote host: Connection refused"
CLOSED = "Socket closed"


class Connection:
    """One TCP (and TLS) connection of one channel."""

    def __init__(self, link: "MemoryLink", credentials: ClientCredentials | None) -> None:
        self.link = link
        self.towards = link.towards
        self.back = link.back
        self.number = 0
        self.peer = ""
        self.auth_context: AuthContext = {}
        self.credentials = credentials
        self.server: Listener | None = None
        """Set while the server's end is open."""
        self.served: dict[ServerEnd, None] = {}
        self.calls: dict[ClientEnd, None] = {}
        self.is_established = False
        self.is_reset = False
        """Whether both ends are broken, and whatever is still on its way is lost."""
        self.is_usable = True
        """Whether the client's end takes new calls."""
        self.was_refused = False
        """Whether it never came about."""
        self._why_lost: str | None = None
        self.on_change: Callable[[], None] = _nothing

    # ------------------------------------------------------------ the client's end

    def open(self, listener: Listener | None) -> None:
        """Begin the handshake; the pipes decide when it ends."""
        self.towards.send(self._arrive, listener)

    def carry(self, call: ClientEnd) -> None:
        """Send a call, now or once the handshake is done."""
        if self._why_lost is not None:
            call.on_unreachable(self._why_lost)
            return
        self.calls[call] = None
        if self.is_established:
            call.on_connected(self)

    def close(self) -> None:
        """Close the client's end; its calls are over already."""
        self.is_usable = False
        self.link.forget(self)
        self.towards.send(self.drop)

    def refuse_new(self) -> None:
        """Let no further call begin: the server is going away."""
        self.is_usable = False

    def lose(self, why: str) -> None:
        """Break the client's end."""
        was_established, self.is_established = self.is_established, False
        self.is_usable = False
        self._why_lost = why
        self.was_refused = not was_established
        self.link.forget(self)
        calls, self.calls = self.calls, {}
        for call in calls:
            if was_established:
                call.on_lost(why)
            else:
                call.on_unreachable(why)
        self.on_change()

    def _establish(self) -> None:
        self.is_established = True
        for call in tuple(self.calls):
            call.on_connected(self)
        self.on_change()

    # ------------------------------------------------------------ the server's end

    def _arrive(self, listener: Listener | None) -> None:
        if self.is_reset:
            return
        if listener is None or not listener.is_listening:
            self.back.send(self.lose, REFUSED)
            return
        try:
            self.auth_context = listener.shake(self.credentials)
        except HandshakeError as error:
            self.back.send(self.lose, f"failed to connect: {error}")
            return
        self.link.number(self)
        self.server = listener
        listener.on_accepted(self)
        self.back.send(self._establish)

    def drop(self) -> None:
        """Break the server's end: who was served is gone."""
        server, self.server = self.server, None
        if server is None:
            return
        server.on_gone(self)
        served, self.served = self.served, {}
        for call in served:
            call.on_peer_gone()


def _nothing() -> None:
    """What nobody listens to."""


@dataclass(slots=True, eq=False)
class MemoryLink:
    """See `simulator.network.api.Link`."""

    index: int
    """Counts the actors, in the order of their first mention."""
    towards: Pipe = field(default_factory=Pipe)
    back: Pipe = field(default_factory=Pipe)
    _connections: dict[Connection, None] = field(default_factory=dict)
    """Those whose client's end is open."""
    _numbered: int = 0

    def connect(
        self, listener: Listener | None, credentials: ClientCredentials | None
    ) -> Connection:
        """Begin a connection; where nothing stalls, it is made or refused on return."""
        connection = Connection(self, credentials)
        self._connections[connection] = None
        connection.open(listener)
        return connection

    def stall(self, *, towards_director: bool = True, from_director: bool = True) -> None:
        if towards_director:
            self.towards.stall()
        if from_director:
            self.back.stall()

    def heal(self, *, towards_director: bool = True, from_director: bool = True) -> None:
        if towards_director:
            self.towards.heal()
        if from_director:
            self.back.heal()

    def cut(self) -> None:
        for connection in tuple(self._connections):
            connection.is_reset = True
            connection.drop()
            connection.lose(RESET)

    def strand(self) -> Callable[[], None]:
        stranded = tuple(self._connections)
        for connection in stranded:
            # One that has not arrived yet never does.
            connection.is_reset = connection.server is None
            connection.lose(RESET)

        def tell() -> None:
            for connection in stranded:
                connection.drop()

        return tell

    @property
    def connection(self) -> int:
        living = [one.number for one in self._connections if one.is_usable and one.number]
        return living[-1] if living else self._numbered + 1

    def number(self, connection: Connection) -> None:
        """Give a connection that is being made its number, and the peer it shows."""
        self._numbered += 1
        connection.number = self._numbered
        host = f"10.{self.index >> 16 & 255}.{self.index >> 8 & 255}.{self.index & 255}"
        connection.peer = f"ipv4:{host}:{self._numbered}"

    def forget(self, connection: Connection) -> None:
        """Let go of a connection that is over."""
        self._connections.pop(connection, None)
