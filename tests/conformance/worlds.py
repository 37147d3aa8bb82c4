"""One service, served and called in either world."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio

from simulator.network.api import ClientCredentials, Network, ServerCredentials
from simulator.network.memory import MemoryNetwork
from simulator.network.wire import WireNetwork

NOW = 1_750_000_000.0
"""When the tests are, for certificates in memory; those of the wire must hold today."""

_SERVICE = "squall.Test"
_BIG = 2**30

Handlers = Mapping[str, Any]
Client = Callable[..., Any]


class Served(Protocol):
    """A server that runs, and a network that leads to it."""

    @property
    def network(self) -> Network: ...

    def connect(self, actor: str, credentials: ClientCredentials | None = None) -> grpc.aio.Channel:
        """Return a channel, with or without rules on it."""

    async def stop(self, grace: float | None = None) -> None: ...

    async def start(self, handlers: Handlers) -> None:
        """Start a new server in the place of one that was stopped."""


class World(Protocol):
    def serving(
        self,
        handlers: Handlers,
        *,
        credentials: ServerCredentials | None = None,
        server_limit: int = _BIG,
        client_limit: int = _BIG,
    ) -> AbstractAsyncContextManager[Served]: ...


def unary(channel: grpc.aio.Channel, name: str) -> Client:
    return channel.unary_unary(f"/{_SERVICE}/{name}")


def download(channel: grpc.aio.Channel, name: str) -> Client:
    return channel.unary_stream(f"/{_SERVICE}/{name}")


def upload(channel: grpc.aio.Channel, name: str) -> Client:
    return channel.stream_unary(f"/{_SERVICE}/{name}")


def chat(channel: grpc.aio.Channel, name: str) -> Client:
    return channel.stream_stream(f"/{_SERVICE}/{name}")


async def until(holds: Callable[[], object]) -> None:
    """Wait for something that happens at the other end; fail when it does not within seconds."""
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")


async def settle() -> None:
    """Give what must not happen the time to happen."""
    await asyncio.sleep(0.15)


async def all_of(responses: Any) -> list[bytes]:
    return [response async for response in responses]


def failure(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str | None]:
    return error.code(), error.details()


def _generic(handlers: Handlers) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(_SERVICE, dict(handlers))


class _Connecting:
    """Hands out channels of either kind."""

    network: Any
    is_judged: bool

    def connect(self, actor: str, credentials: ClientCredentials | None = None) -> grpc.aio.Channel:
        make = self.network.connect if self.is_judged else self.network.raw_channel
        channel: grpc.aio.Channel = make(actor, credentials=credentials)
        return channel


# ---------------------------------------------------------------- memory


@dataclass
class _MemoryServed(_Connecting):
    network: MemoryNetwork
    is_judged: bool

    async def stop(self, grace: float | None = None) -> None:
        await self.network.server.stop(grace)

    async def start(self, handlers: Handlers) -> None:
        server = self.network.attach()
        server.add_generic_rpc_handlers((_generic(handlers),))
        await server.start()


@dataclass(frozen=True)
class MemoryWorld:
    is_judged: bool

    @asynccontextmanager
    async def serving(
        self,
        handlers: Handlers,
        *,
        credentials: ServerCredentials | None = None,
        server_limit: int = _BIG,
        client_limit: int = _BIG,
    ) -> AsyncIterator[Served]:
        network = MemoryNetwork(
            server_credentials=credentials,
            now=lambda: NOW,
            max_message_bytes=client_limit,
            max_server_message_bytes=server_limit,
        )
        network.server.add_generic_rpc_handlers((_generic(handlers),))
        await network.server.start()
        try:
            yield _MemoryServed(network, self.is_judged)
        finally:
            await network.close()


# ---------------------------------------------------------------- wire


@dataclass
class _WireServed(_Connecting):
    network: WireNetwork
    is_judged: bool
    options: tuple[tuple[str, int], ...]
    server: grpc.aio.Server
    port: int

    async def stop(self, grace: float | None = None) -> None:
        await self.server.stop(grace)

    async def start(self, handlers: Handlers) -> None:
        self.server = grpc.aio.server(options=self.options)
        self.server.add_generic_rpc_handlers((_generic(handlers),))
        self.server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self.server.start()


@dataclass(frozen=True)
class WireWorld:
    is_judged: bool

    @asynccontextmanager
    async def serving(
        self,
        handlers: Handlers,
        *,
        credentials: ServerCredentials | None = None,
        server_limit: int = _BIG,
        client_limit: int = _BIG,
    ) -> AsyncIterator[Served]:
        options = (("grpc.max_receive_message_length", server_limit),)
        server = grpc.aio.server(options=options)
        server.add_generic_rpc_handlers((_generic(handlers),))
        port = _listen(server, credentials)
        await server.start()
        network = WireNetwork(f"127.0.0.1:{port}", max_message_bytes=client_limit)
        served = _WireServed(network, self.is_judged, options, server, port)
        try:
            yield served
        finally:
            await network.close()
            await served.stop(None)


def _listen(server: grpc.aio.Server, credentials: ServerCredentials | None) -> int:
    if credentials is None:
        return server.add_insecure_port("127.0.0.1:0")
    return server.add_secure_port(
        "127.0.0.1:0",
        grpc.ssl_server_credentials(
            [(credentials.private_key, credentials.certificate)],
            root_certificates=credentials.root_certificate,
            require_client_auth=True,
        ),
    )
