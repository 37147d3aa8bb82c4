"""What a stub holds for each of its RPCs: calling it makes a judged call."""

from functools import cache, cached_property
from typing import Any

import grpc
import grpc.aio
from typing_extensions import override

from simulator.network.faulty_ends import Channel
from simulator.network.faulty_requests import RequestIterable
from simulator.network.faulty_stream import StreamStreamCall, StreamUnaryCall, UnaryStreamCall
from simulator.network.faulty_unary import UnaryUnaryCall
from simulator.network.shapes import (
    StreamStreamStub,
    StreamUnaryStub,
    UnaryStreamStub,
    UnaryUnaryStub,
)


@cache
def _short(path: str) -> str:
    """Return the name alone; one string for all the channels there are."""
    return path.rpartition("/")[2]


class _Method:
    """One RPC; a stub has many that are never called, so the real ones are made when they are."""

    kind: str
    """What the channel's own method is called that makes it."""

    def __init__(
        self, owner: Channel, path: str, serialiser: Any = None, deserialiser: Any = None
    ) -> None:
        self.owner = owner
        self._path = path
        self.name = _short(path)
        self._serialiser = serialiser
        self._deserialiser = deserialiser

    @cached_property
    def inner(self) -> Any:
        """The real channel's."""
        make = getattr(self.owner.inner, self.kind)
        return make(self._path, self._serialiser, self._deserialiser)


class UnaryUnary(_Method, UnaryUnaryStub):
    """One request, one response."""

    kind = "unary_unary"

    @override
    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> UnaryUnaryCall:
        call = UnaryUnaryCall(self, timeout, metadata, wait_for_ready=wait_for_ready)
        self.owner.take(call)
        call.send(request)
        return call


class UnaryStream(_Method, UnaryStreamStub):
    """One request, many responses."""

    kind = "unary_stream"

    @override
    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> UnaryStreamCall:
        call = UnaryStreamCall(self, timeout, metadata, wait_for_ready=wait_for_ready)
        self.owner.take(call)
        call.send(request)
        return call


class StreamUnary(_Method, StreamUnaryStub):
    """Many requests, one response."""

    kind = "stream_unary"

    @override
    def __call__(
        self,
        request_iterator: RequestIterable | None = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StreamUnaryCall:
        call = StreamUnaryCall(self, timeout, metadata, wait_for_ready=wait_for_ready)
        self.owner.take(call)
        call.begin(request_iterator)
        return call


class StreamStream(_Method, StreamStreamStub):
    """Many requests, many responses."""

    kind = "stream_stream"

    @override
    def __call__(
        self,
        request_iterator: RequestIterable | None = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StreamStreamCall:
        call = StreamStreamCall(self, timeout, metadata, wait_for_ready=wait_for_ready)
        self.owner.take(call)
        call.begin(request_iterator)
        return call
