"""Connections that gRPC holds, and has no way to end one by one: ended from outside of it."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from urllib.parse import unquote

_log = logging.getLogger(__name__)

_DESCRIPTORS = Path("/proc/self/fd")
"""Where a system lists what a process has open, if it does."""


def cut(peer: str) -> None:
    """End the connection of a peer, as gRPC names it; all its requests are cancelled soon.

    What gRPC has been given to send it keeps for as long as the client lets it, even when the call
    is over: only with the connection it goes.
    """
    # To look at ten thousand descriptors takes a quarter of a second.
    threading.Thread(target=_cut, args=(peer,), name="cut a connection", daemon=True).start()


def _cut(peer: str) -> None:
    address = _address_of(peer)
    if address is None:
        return
    with suppress(OSError):
        for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - only the names are wanted
            with suppress(OSError), _borrowed(int(name)) as found:
                if _peer_of(found) == address:
                    _log.info("cutting the connection of %s off: it takes nothing", peer)
                    found.shutdown(socket.SHUT_RDWR)


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """Look at a descriptor as a socket, and leave it open.

    Not at a copy of it: where gRPC closes one of which there is a copy, the system goes on to tell
    gRPC of it.

    Raises:
        OSError: it is none.
    """
    found = socket.socket(fileno=descriptor)
    try:
        yield found
    finally:
        found.detach()


def _address_of(peer: str) -> tuple[str, int] | None:
    """Return host and port, such as of `ipv4:127.0.0.1:5000` and `ipv6:%5B::1%5D:5000`."""
    kind, _, address = unquote(peer).partition(":")
    host, _, port = address.rpartition(":")
    if kind not in {"ipv4", "ipv6"} or not port.isdigit():
        return None
    return host.strip("[]"), int(port)


def _peer_of(connection: socket.socket) -> tuple[str, int] | None:
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    host, port, *_ = connection.getpeername()
    ip = ip_address(host.partition("%")[0])
    # A socket for both kinds of addresses shows the older ones in the newer form.
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return str(mapped or ip), port
