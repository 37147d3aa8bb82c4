"""Servers that listen as OpenFL's clients expect it: their options, and the ports they bind."""

import grpc
import grpc.aio

from director.transport.credentials import CertificateFiles, server_credentials

_MANY = 2**20

OPTIONS: tuple[tuple[str, int], ...] = (
    # What OpenFL's clients assume.
    ("grpc.max_send_message_length", 2**30),
    ("grpc.max_receive_message_length", 2**30),
    ("grpc.max_metadata_size", 32 * 2**20),
    # No compressed requests, which none of OpenFL's clients sends: a thousandth of the longest
    # message would suffice to fill its place in memory, before anybody has looked at it.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    # By default gRPC cancels all above 1,000 requests that arrive in one burst.
    ("grpc.server.max_pending_requests", _MANY),
    ("grpc.server.max_pending_requests_hard_limit", _MANY),
    # A second server on the same port must fail, not take every other client away.
    ("grpc.so_reuseport", 0),
    # Find out within half a minute that the other end of an idle connection is gone.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # gRPC 1.85 never starts the timer above; this one, else of a minute, runs on every ping.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # How far ahead of what is read an upload may be, besides the message that is waited for.  By
    # default gRPC probes for bandwidth, and on a quick network an upload fills tens of megabytes;
    # so it can still have 30 MiB a second where an answer takes 50 ms.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 2**20),
    # A client may do so, too, as often as it likes.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
)


class CannotListenError(OSError):
    """The server's address cannot be had; the message tells which it is."""


def bind(server: grpc.aio.Server, address: str, certificates: CertificateFiles | None) -> int:
    """Let a server listen, with mutual TLS where there are certificates; return its port.

    Raises:
        CannotListenError: the address is in use, or not this machine's.
    """
    try:
        if certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, server_credentials(certificates))
    except RuntimeError:
        # gRPC says no more than that it failed, and logs the cause by itself.
        raise CannotListenError(
            f"cannot listen on {address}: the port is in use, needs more rights,"
            " or the host is not an address of this machine"
        ) from None
