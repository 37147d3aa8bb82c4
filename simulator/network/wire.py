"""The network on the wire: real gRPC channels, each over a TCP connection of its own.

Every actor's connections go through a proxy, which is where its link is stalled and cut.
"""

import grpc
import grpc.aio

from simulator.network.api import ClientCredentials, RuleBook
from simulator.network.faulty import FaultyChannel
from simulator.network.proxy import Path, Proxy, Target

MAX_MESSAGE_BYTES = 2**30
"""What OpenFL's programs allow on both sides."""

_LOOPBACK = "127.0.0.1"
_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", 32 * 2**20),
    # Else channels of one process share a connection where they can.
    ("grpc.use_local_subchannel_pool", 1),
    # What is called once must arrive at most once.
    ("grpc.enable_retries", 0),
    # On loopback nobody has to be spared; clients find a restarted Director at once.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)


class WireNetwork:
    """See `simulator.network.api.Network`; needs a running loop from the first `connect` on."""

    def __init__(
        self,
        address: str,
        rules: RuleBook | None = None,
        *,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        """`address` ("host:port") is where the Director listens."""
        self.rules = RuleBook() if rules is None else rules
        self._address = address
        self._options = (*_OPTIONS, ("grpc.max_receive_message_length", max_message_bytes))
        self._paths: dict[str, Path] = {}
        self._proxies: dict[tuple[str, str], Proxy] = {}
        self._channels: dict[FaultyChannel, None] = {}

    def __repr__(self) -> str:
        return f"<WireNetwork of {len(self._paths)} actors to {self._address}>"

    def connect(
        self, actor: str, *, credentials: ClientCredentials | None, address: str | None = None
    ) -> grpc.aio.Channel:
        raw = self.raw_channel(actor, credentials=credentials, address=address)
        channel = FaultyChannel(raw, actor, self.rules, on_closed=self._channels.pop)
        self._channels[channel] = None
        return channel

    def link(self, actor: str) -> Path:
        return self._paths.setdefault(actor, Path())

    def open_calls(self) -> int:
        return sum(channel.open_calls for channel in self._channels)

    async def close(self) -> None:
        for channel in tuple(self._channels):
            await channel.close()
        proxies, self._proxies = self._proxies, {}
        for proxy in proxies.values():
            await proxy.close()

    def raw_channel(
        self, actor: str, *, credentials: ClientCredentials | None, address: str | None = None
    ) -> grpc.aio.Channel:
        """Return a channel whose messages nobody judges, and which is its caller's to close."""
        address = self._address if address is None else address
        proxy = f"{_LOOPBACK}:{self._proxy(actor, address).port}"
        if credentials is None:
            return grpc.aio.insecure_channel(proxy, options=self._options)
        options = self._options
        host, _ = _target(address)
        if host != _LOOPBACK:
            # The certificate is the Director's, not the proxy's.
            options = (*options, ("grpc.ssl_target_name_override", host))
        return grpc.aio.secure_channel(
            proxy,
            grpc.ssl_channel_credentials(
                credentials.root_certificate, credentials.private_key, credentials.certificate
            ),
            options=options,
        )

    def _proxy(self, actor: str, address: str) -> Proxy:
        proxy = self._proxies.get((actor, address))
        if proxy is None:
            proxy = Proxy(self.link(actor), _target(address))
            self._proxies[actor, address] = proxy
        return proxy


def _target(address: str) -> Target:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
