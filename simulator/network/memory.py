"""The network in memory: the same channels, server and semantics as grpc.aio, on any asyncio loop.

Messages really are serialised, certificates really are checked; only time and sockets are not real.
"""

from collections.abc import Callable
from functools import partial

import grpc.aio

from simulator.network.api import ClientCredentials, RuleBook, ServerCredentials
from simulator.network.faulty import FaultyChannel
from simulator.network.memory_channel import MemoryChannel
from simulator.network.memory_link import Connection, MemoryLink
from simulator.network.memory_server import MemoryServer
from simulator.network.memory_tls import Handshakes

MAX_MESSAGE_BYTES = 2**30
"""What OpenFL's programs allow on both sides."""


class MemoryNetwork:
    """See `simulator.network.api.Network`; `server` is where the Director registers itself."""

    def __init__(
        self,
        rules: RuleBook | None = None,
        *,
        server_credentials: ServerCredentials | None,
        now: Callable[[], float],
        address: str | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        max_server_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        """`now` tells seconds since 1970; with an `address`, nobody listens at any other."""
        self.rules = RuleBook() if rules is None else rules
        self._handshakes = Handshakes(server_credentials, now)
        self._address = address
        self._max_message_bytes = max_message_bytes
        self._max_server_message_bytes = max_server_message_bytes
        self._links: dict[str, MemoryLink] = {}
        self._channels: dict[FaultyChannel, None] = {}
        self.server = self._new_server()

    def __repr__(self) -> str:
        return f"<MemoryNetwork of {len(self._links)} actors, {self.server!r}>"

    def connect(
        self, actor: str, *, credentials: ClientCredentials | None, address: str | None = None
    ) -> grpc.aio.Channel:
        raw = self.raw_channel(actor, credentials=credentials, address=address)
        channel = FaultyChannel(raw, actor, self.rules, on_closed=self._channels.pop)
        self._channels[channel] = None
        return channel

    def raw_channel(
        self, actor: str, *, credentials: ClientCredentials | None, address: str | None = None
    ) -> grpc.aio.Channel:
        """Return a channel whose messages nobody judges, and which is its caller's to close."""
        return MemoryChannel(
            partial(self._connection, actor, credentials, address),
            max_message_bytes=self._max_message_bytes,
        )

    def link(self, actor: str) -> MemoryLink:
        link = self._links.get(actor)
        if link is None:
            link = self._links[actor] = MemoryLink(index=len(self._links) + 1)
        return link

    def open_calls(self) -> int:
        return sum(channel.open_calls for channel in self._channels)

    async def close(self) -> None:
        for channel in tuple(self._channels):
            await channel.close()
        await self.server.stop(None)

    # ------------------------------------------------------------ the Director's side

    def crash(self) -> None:
        """Let the server die as a killed process does; afterwards nobody listens until `attach`.

        Handlers are cancelled, so whatever they write in their last moments must already be
        cut off from the storage.
        """
        self.server.crash()

    def attach(self) -> MemoryServer:
        """Return a new server in the place of the one that crashed or was stopped."""
        self.server = self._new_server()
        return self.server

    def _new_server(self) -> MemoryServer:
        return MemoryServer(self._handshakes, max_message_bytes=self._max_server_message_bytes)

    def _connection(
        self, actor: str, credentials: ClientCredentials | None, address: str | None
    ) -> Connection:
        somewhere_else = address is not None and self._address is not None
        nobody = somewhere_else and address != self._address
        return self.link(actor).connect(None if nobody else self.server, credentials)
