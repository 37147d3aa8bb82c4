"""Whether somebody answers at an address: for servers that run in a process of their own."""

import grpc
import grpc.aio

from simulator.network.api import ClientCredentials

_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 50),
    ("grpc.use_local_subchannel_pool", 1),
)


async def answered(address: str, credentials: ClientCredentials | None) -> None:
    """Wait until a gRPC server shakes hands at an address; for ever, where none comes."""
    async with _channel(address, credentials) as channel:
        await channel.channel_ready()


def _channel(address: str, credentials: ClientCredentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    shown = grpc.ssl_channel_credentials(
        credentials.root_certificate, credentials.private_key, credentials.certificate
    )
    return grpc.aio.secure_channel(address, shown, options=_OPTIONS)
