"""A server on a real socket, and channels to it, for as long as a test needs them."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from director.interface import DirectorInterface
from director.transport.server import DirectorGRPCServer
from protos import aggregator_pb2_grpc, director_pb2_grpc
from simulator.network.api import ClientCredentials
from simulator.pki import Pki
from tests.director.transport.fake_director import FakeDirector

OPTIONS = (
    ("grpc.max_send_message_length", 2**30),
    ("grpc.max_receive_message_length", 2**30),
    # Two channels of one process are two clients.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running server; `fake` is its Director where it is the fake one."""

    server: DirectorGRPCServer
    fake: FakeDirector
    pki: Pki

    @asynccontextmanager
    async def channel(
        self, common_name: str = "alice", *, credentials: ClientCredentials | None = None
    ) -> AsyncIterator[grpc.aio.Channel]:
        """A channel that is plaintext or shows a certificate, as the server wants it."""
        target = f"localhost:{self.server.port}"
        if not self.server.tls:
            opened = grpc.aio.insecure_channel(target, options=OPTIONS)
        else:
            shown = credentials or self.pki.client(common_name)
            opened = grpc.aio.secure_channel(target, channel_credentials(shown), options=OPTIONS)
        async with opened as channel:
            yield channel

    @asynccontextmanager
    async def director_stub(
        self, common_name: str = "alice"
    ) -> AsyncIterator["director_pb2_grpc.DirectorAsyncStub"]:
        async with self.channel(common_name) as channel:
            yield director_stub(channel)

    @asynccontextmanager
    async def aggregator_stub(
        self, common_name: str = "alice"
    ) -> AsyncIterator["aggregator_pb2_grpc.AggregatorAsyncStub"]:
        async with self.channel(common_name) as channel:
            yield aggregator_stub(channel)


def director_stub(channel: grpc.aio.Channel) -> "director_pb2_grpc.DirectorAsyncStub":
    stub: Any = director_pb2_grpc.DirectorStub(channel)
    return stub  # type: ignore[no-any-return]


def aggregator_stub(channel: grpc.aio.Channel) -> "aggregator_pb2_grpc.AggregatorAsyncStub":
    stub: Any = aggregator_pb2_grpc.AggregatorStub(channel)
    return stub  # type: ignore[no-any-return]


def channel_credentials(shown: ClientCredentials) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        shown.root_certificate, shown.private_key, shown.certificate
    )


def write_certificates(pki: Pki, folder: Path) -> dict[str, Any]:
    """Write the server's certificates; return the keywords that name them."""
    server = pki.server()
    files = {
        "root_certificate": (folder / "root_ca.crt", server.root_certificate),
        "private_key": (folder / "host.key", server.private_key),
        "certificate": (folder / "host.crt", server.certificate),
    }
    for path, content in files.values():
        path.write_bytes(content)
    return {role: path for role, (path, _) in files.items()}


@asynccontextmanager
async def served(
    *,
    tls: bool = False,
    director_cls: Callable[..., DirectorInterface] = FakeDirector,
    prepare: Callable[[DirectorGRPCServer], None] | None = None,
    **keywords: Any,
) -> AsyncIterator[Served]:
    """Serve on a free port of loopback."""
    pki = Pki()
    with tempfile.TemporaryDirectory() as folder:
        certificates = write_certificates(pki, Path(folder)) if tls else {}
        server = DirectorGRPCServer(
            director_cls=director_cls,
            tls=tls,
            listen_host="localhost",
            listen_port=0,
            **certificates,
            **keywords,
        )
        if prepare is not None:
            prepare(server)
        fake: Any = server.director
        async with server.serving():
            yield Served(server=server, fake=fake, pki=pki)
