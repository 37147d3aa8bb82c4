"""Connections that are ended from outside of gRPC."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from director.transport.connections import cut

pytestmark = pytest.mark.wire


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection within this process: its client's end, and its server's."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = opened.enter_context(socket.create_connection(listener.getsockname(), timeout=10))
        server, _ = listener.accept()
        opened.enter_context(server)
        yield client, server


def cut_and_wait(peer: str) -> None:
    cut(peer)
    for thread in threading.enumerate():
        if thread.name == "cut a connection":
            thread.join(10)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_the_connection_of_a_peer_ends_at_both_of_its_ends(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair
    host, port = client.getsockname()

    cut_and_wait(f"ipv4:{host}:{port}")

    assert client.recv(1) == b""
    assert server.recv(1) == b""


def test_connections_of_others_go_on(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair

    cut_and_wait("ipv4:127.0.0.1:1")
    cut_and_wait("unix:/nowhere")

    server.send(b"x")
    assert client.recv(1) == b"x"


def test_looking_for_a_connection_leaves_no_descriptor_open(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    host, port = pair[0].getsockname()
    before = descriptors()

    cut_and_wait(f"ipv4:{host}:{port}")

    assert descriptors() == before
