"""The network on the wire leaves nothing behind, and every channel has a connection of its own."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import trustme

from simulator.network import proxy
from simulator.network.api import ClientCredentials
from simulator.network.wire import WireNetwork

pytestmark = pytest.mark.wire

Context = grpc.aio.ServicerContext[Any, Any]


@asynccontextmanager
async def serving(
    peers: list[str], tls: tuple[bytes, bytes, bytes] | None = None
) -> AsyncIterator[int]:
    async def tell(request: bytes, context: Context) -> bytes:
        peers.append(context.peer())
        return request

    handlers: Any = {"tell": grpc.unary_unary_rpc_method_handler(tell)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("squall.Test", handlers),)
    )
    if tls is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        key, chain, root = tls
        port = server.add_secure_port(
            "127.0.0.1:0",
            grpc.ssl_server_credentials([(key, chain)], root, require_client_auth=True),
        )
    await server.start()
    yield port
    await server.stop(None)


def tell(channel: Any) -> Any:
    return channel.unary_unary("/squall.Test/tell")(b"", wait_for_ready=True, timeout=10)


def _tell_at_once(channel: Any) -> Any:
    return channel.unary_unary("/squall.Test/tell")(b"", timeout=10)


async def test_every_channel_has_a_connection_of_its_own() -> None:
    peers: list[str] = []
    async with serving(peers) as port:
        network = WireNetwork(f"127.0.0.1:{port}")
        channels = [network.connect("ann", credentials=None) for _ in range(3)]
        for channel in channels:
            await tell(channel)

        assert len(set(peers)) == 3
        assert network.link("ann").connection == 3
        await network.close()


async def test_closing_leaves_neither_task_nor_socket_behind() -> None:
    async with serving([]) as port:
        await _use(port)  # whatever gRPC opens once and keeps is open from here on
        before = _descriptors()

        await _use(port)

        for _ in range(100):
            if _descriptors() <= before:
                break
            await asyncio.sleep(0.05)
        assert _descriptors() <= before
        names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]
        assert not [name for name in names if name.startswith(("Proxy", "FaultyCall"))]


async def _use(port: int) -> None:
    network = WireNetwork(f"127.0.0.1:{port}")
    for actor in ("ann", "bob"):
        await tell(network.connect(actor, credentials=None))
    network.link("bob").stall()
    held = tell(network.connect("bob", credentials=None))
    await asyncio.sleep(0.05)
    await network.close()
    with pytest.raises(asyncio.CancelledError):
        await held
    assert network.open_calls() == 0


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_an_address_where_nobody_listens_is_unavailable() -> None:
    async with serving([]) as port:
        network = WireNetwork(f"127.0.0.1:{port}")
        channel = network.connect("ann", credentials=None, address="127.0.0.1:1")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _tell_at_once(channel)

        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert network.link("ann").connection == 1, "none was made"
        await network.close()


async def test_a_name_will_do_for_an_address() -> None:
    peers: list[str] = []
    async with serving(peers) as port:
        network = WireNetwork(f"localhost:{port}")

        await tell(network.connect("ann", credentials=None))

        assert len(peers) == 1
        assert "ann" not in repr(network)
        await network.close()


async def test_a_certificate_is_held_to_the_directors_name_not_the_proxys() -> None:
    authority = trustme.CA()
    root = authority.cert_pem.bytes()
    key, chain = _pem(authority.issue_cert("localhost"))
    own_key, own_chain = _pem(authority.issue_cert("bob.example", common_name="bob"))
    credentials = ClientCredentials(
        root_certificate=root, private_key=own_key, certificate=own_chain
    )
    peers: list[str] = []
    async with serving(peers, (key, chain, root)) as port:
        network = WireNetwork(f"localhost:{port}")
        await tell(network.connect("bob", credentials=credentials))
        other = network.connect("bob", credentials=credentials, address=f"127.0.0.1:{port}")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _tell_at_once(other)

        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert len(peers) == 1
        await network.close()


def _pem(certificate: trustme.LeafCert) -> tuple[bytes, bytes]:
    return certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes()


async def test_a_proxy_tells_both_sides_when_one_resets() -> None:
    closed = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        # Without lingering, closing resets.
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        closed.set()

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    led = proxy.Proxy(proxy.Path(), ("127.0.0.1", listening.sockets[0].getsockname()[1]))
    reader, writer = await asyncio.open_connection("127.0.0.1", led.port)
    writer.write(b"x")
    await closed.wait()

    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    await led.close()
    listening.close()


async def test_a_proxy_passes_the_end_of_one_side_on_and_keeps_the_other_open() -> None:
    async def answer_after_the_end(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(await reader.read())
        writer.close()

    listening = await asyncio.start_server(answer_after_the_end, "127.0.0.1", 0)
    led = proxy.Proxy(proxy.Path(), ("127.0.0.1", listening.sockets[0].getsockname()[1]))
    reader, writer = await asyncio.open_connection("127.0.0.1", led.port)

    writer.write(b"everything")
    writer.write_eof()

    assert await reader.read() == b"everything"
    writer.close()
    await led.close()
    listening.close()
