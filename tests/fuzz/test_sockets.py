"""The same nonsense over real sockets, and what is not even gRPC."""

import asyncio
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import event, given, strategies as st

from tests.fuzz.messages import requests
from tests.fuzz.rpcs import BLOBS, RPCS, WORDS
from tests.fuzz.test_rpcs import callers, share
from tests.fuzz.town import PATIENCE_S, outcome, town_on_sockets

pytestmark = [pytest.mark.wire, pytest.mark.slow]

Draw = Callable[[st.SearchStrategy[Any]], Any]


@pytest.mark.parametrize("tls", [False, True])
@given(data=st.data())
@share(15)
async def test_nonsense_over_sockets_is_answered_with_documented_codes(
    data: st.DataObject, *, tls: bool
) -> None:
    calls = [
        (rpc, data.draw(rpc.nonsense()), data.draw(callers))
        for rpc in data.draw(st.lists(st.sampled_from(RPCS), max_size=20))
    ]

    async with town_on_sockets(tls=tls) as town:
        for rpc, sent, who in calls:
            event((await town.told(rpc, sent, who=who)).name)

        await town.still_serves()


# ---------------------------------------------------------------- beside our own services

_HEALTH = health_pb2.HealthCheckRequest(service="openfl.director.Director")
_REFLECTION = (
    reflection_pb2.ServerReflectionRequest(file_containing_symbol="openfl.director.Director"),
    reflection_pb2.ServerReflectionRequest(
        file_containing_extension=reflection_pb2.ExtensionRequest(
            containing_type="google.protobuf.FieldOptions", extension_number=2
        )
    ),
    reflection_pb2.ServerReflectionRequest(all_extension_numbers_of_type="ModelProto"),
)
_PATHS: tuple[tuple[str, Message], ...] = (
    ("/grpc.health.v1.Health/Check", _HEALTH),
    ("/grpc.health.v1.Health/Watch", _HEALTH),
    *(
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", good)
        for good in _REFLECTION
    ),
)


@given(data=st.data())
@share(15)
async def test_nonsense_to_health_and_reflection_is_answered_too(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(_PATHS), max_size=10))
    calls = [(path, data.draw(requests(good, WORDS, BLOBS))) for path, good in chosen]

    async with town_on_sockets(tls=False) as town:
        for path, sent in calls:
            method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = town.channel.stream_stream(
                path
            )
            code, details = await outcome(method(iter([sent]), timeout=PATIENCE_S))
            event(code.name)
            assert code.name in {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "DEADLINE_EXCEEDED"}, (
                details
            )

        await town.still_serves()


# ---------------------------------------------------------------- not even gRPC

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@st.composite
def frames(draw: Draw) -> bytes:
    """The beginning of HTTP/2, and frames that make no sense."""
    content = bytearray(_PREFACE + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    for _ in range(draw(st.integers(0, 5))):
        payload = draw(st.binary(max_size=30))
        length = draw(st.sampled_from([len(payload), 0, 2**24 - 1]))
        kind, flags = draw(st.integers(0, 12)), draw(st.integers(0, 255))
        stream = draw(st.sampled_from([0, 1, 2, 2**31 - 1]))
        content += (
            struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream) + payload
        )
    return bytes(content)


connections = st.binary(max_size=60) | st.just(b"GET /metrics HTTP/1.1\r\n\r\n") | frames()


@pytest.mark.parametrize("tls", [False, True])
@given(sent=st.lists(st.tuples(connections, st.booleans()), min_size=1, max_size=6))
@share(10)
async def test_what_is_not_grpc_harms_nobody(sent: list[tuple[bytes, bool]], *, tls: bool) -> None:
    async with town_on_sockets(tls=tls) as town:
        writers = []
        for content, leaves_at_once in sent:
            _, writer = await asyncio.open_connection("localhost", town.server.port)
            writer.write(content)
            with suppress(ConnectionError):
                await writer.drain()
            if leaves_at_once:
                writer.transport.abort()
            writers.append(writer)

        await town.still_serves()
        for writer in writers:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
