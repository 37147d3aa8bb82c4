"""What a stub holds for each of its RPCs in memory: calling it makes a call."""

from typing import Any

import grpc
import grpc.aio
from typing_extensions import override

from simulator.network.memory_call import MemoryCall, Method
from simulator.network.memory_messages import is_legal, written_by_client
from simulator.network.memory_stream import (
    RequestIterable,
    StreamStreamCall,
    StreamUnaryCall,
    UnaryStreamCall,
)
from simulator.network.memory_unary import UnaryUnaryCall
from simulator.network.shapes import (
    StreamStreamStub,
    StreamUnaryStub,
    UnaryStreamStub,
    UnaryUnaryStub,
)


class UnaryUnary(UnaryUnaryStub):
    """One request, one response."""

    def __init__(self, method: Method) -> None:
        self._method = method

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
        method = self._method
        method.channel.raise_if_closed()
        call = UnaryUnaryCall(method, tuple(metadata) if metadata else (), timeout)
        call.request = written_by_client(method.serialiser, request)
        if call.metadata and not is_legal(call.metadata):
            # For this kind alone, grpc.aio lets its inner error through.
            call.refuse(grpc.aio.InternalError(f"illegal metadata: {call.metadata!r}"))
        else:
            call.begin(wait_for_ready=bool(wait_for_ready))
        return call


class UnaryStream(UnaryStreamStub):
    """One request, many responses."""

    def __init__(self, method: Method) -> None:
        self._method = method

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
        method = self._method
        method.channel.raise_if_closed()
        call = UnaryStreamCall(method, tuple(metadata or ()), timeout)
        call.request = written_by_client(method.serialiser, request)
        call.prepare_responses()
        _begin(call, wait_for_ready=wait_for_ready)
        return call


class StreamUnary(StreamUnaryStub):
    """Many requests, one response."""

    def __init__(self, method: Method) -> None:
        self._method = method

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
        self._method.channel.raise_if_closed()
        call = StreamUnaryCall(self._method, tuple(metadata or ()), timeout)
        call.prepare_requests()
        _begin(call, wait_for_ready=wait_for_ready)
        call.feed(request_iterator)
        return call


class StreamStream(StreamStreamStub):
    """Many requests, many responses."""

    def __init__(self, method: Method) -> None:
        self._method = method

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
        self._method.channel.raise_if_closed()
        call = StreamStreamCall(self._method, tuple(metadata or ()), timeout)
        call.prepare_requests()
        call.prepare_responses()
        _begin(call, wait_for_ready=wait_for_ready)
        call.feed(request_iterator)
        return call


def _begin(call: MemoryCall, *, wait_for_ready: bool | None) -> None:
    if is_legal(call.metadata):
        call.begin(wait_for_ready=bool(wait_for_ready))
    else:
        call.refuse(None)
