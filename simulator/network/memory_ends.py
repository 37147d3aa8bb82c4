"""What the parts of the network in memory know of each other: the two ends of a call, the server.

What one end calls at the other goes through the link's pipes, and may be held there.
"""

from typing import TYPE_CHECKING, Any, Protocol

import grpc

from simulator.network.api import ClientCredentials
from simulator.network.memory_flow import Inbox, Pipe, Window
from simulator.network.memory_tls import AuthContext

Metadatum = tuple[str, str | bytes]
Metadata = tuple[Metadatum, ...]
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
else:  # only the type stubs make it generic
    Handler = grpc.RpcMethodHandler


class ServerEnd(Protocol):
    """A call that has reached the server."""

    inbox: Inbox | None
    """Requests, where they are a stream."""

    def on_peer_gone(self) -> None:
        """Its client is no more; the handler is to be cancelled."""


class ClientEnd(Protocol):
    """A call that was made."""

    method: str
    metadata: Metadata
    deadline: float | None
    request: bytes | None
    """None where the requests are a stream."""
    far: ServerEnd | None
    """Set from its arrival at the server until one end has told the other that it is over."""

    @property
    def up(self) -> Window:
        """How much the client may still send."""

    @property
    def down(self) -> Window:
        """How much the server may still send."""

    def on_connected(self, connection: "ConnectionEnd") -> None:
        """It may be sent now."""

    def on_unreachable(self, why: str) -> None:
        """It could not be sent."""

    def on_lost(self, why: str) -> None:
        """It was sent, and its connection is no more."""

    def on_initial_metadata(self, metadata: Metadata) -> None:
        """Headers arrive."""

    def on_message(self, message: bytes) -> None:
        """A streamed response arrives."""

    def on_status(
        self, code: grpc.StatusCode, details: str, trailing: Metadata, message: bytes | None
    ) -> None:
        """The end arrives, and with it the response where there is one."""


class ConnectionEnd(Protocol):
    """A connection, as calls see it."""

    towards: Pipe
    back: Pipe
    peer: str
    auth_context: AuthContext
    server: "Listener | None"
    """None once the server's end is closed."""
    served: dict[ServerEnd, None]
    calls: dict[ClientEnd, None]

    def refuse_new(self) -> None:
        """At the client: let no further call begin."""

    def lose(self, why: str) -> None:
        """At the client: the connection is broken."""

    def drop(self) -> None:
        """At the server: the connection is broken."""


class Listener(Protocol):
    """A server, as connections and calls see it."""

    @property
    def is_listening(self) -> bool:
        """Whether it takes new connections."""

    def shake(self, credentials: ClientCredentials | None) -> AuthContext:
        """Raises HandshakeError."""

    def on_accepted(self, connection: ConnectionEnd) -> None:
        """A connection was made."""

    def on_gone(self, connection: ConnectionEnd) -> None:
        """A connection was lost or closed."""

    def accept(self, connection: ConnectionEnd, caller: ClientEnd) -> None:
        """A call arrives."""

    def receive(self, call: ServerEnd, message: bytes) -> None:
        """A streamed request arrives."""
