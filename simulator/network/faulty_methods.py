"""What a stub holds for each of its RPCs: calling it makes a judged call."""

from typing import Any, Protocol

import grpc
import grpc.aio
from typing_extensions import override

from simulator.network.faulty_call import FaultyCall, Owner
from simulator.network.faulty_judge import Judge
from simulator.network.faulty_requests import RequestIterable
from simulator.network.faulty_stream import StreamStreamCall, StreamUnaryCall, UnaryStreamCall
from simulator.network.faulty_unary import UnaryUnaryCall


class Channel(Owner, Protocol):
    """What a stub's methods need of their channel."""

    def judge(self, method: str) -> Judge:
        """Return the judge of the call that is about to be made."""

    def take(self, call: FaultyCall) -> None:
        """Count a call among those under way."""


class UnaryUnary(grpc.aio.UnaryUnaryMultiCallable[Any, Any]):
    """One request, one response."""

    def __init__(self, owner: Channel, method: str, inner: Any) -> None:
        self._owner = owner
        self._method = method
        self._inner = inner

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
        owner, inner = self._owner, self._inner

        def make(request: Any, left_s: float | None) -> Any:
            return inner(request, timeout=left_s, metadata=metadata, wait_for_ready=wait_for_ready)

        call = UnaryUnaryCall(owner, owner.judge(self._method), make, timeout)
        owner.take(call)
        call.send(request)
        return call


class UnaryStream(grpc.aio.UnaryStreamMultiCallable[Any, Any]):
    """One request, many responses."""

    def __init__(self, owner: Channel, method: str, inner: Any) -> None:
        self._owner = owner
        self._method = method
        self._inner = inner

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
        owner, inner = self._owner, self._inner

        def make(request: Any, left_s: float | None) -> Any:
            return inner(request, timeout=left_s, metadata=metadata, wait_for_ready=wait_for_ready)

        call = UnaryStreamCall(owner, owner.judge(self._method), make, timeout)
        owner.take(call)
        call.send(request)
        return call


class StreamUnary(grpc.aio.StreamUnaryMultiCallable[Any, Any]):
    """Many requests, one response."""

    def __init__(self, owner: Channel, method: str, inner: Any) -> None:
        self._owner = owner
        self._method = method
        self._inner = inner

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
        owner, inner = self._owner, self._inner

        def make(request: Any, left_s: float | None) -> Any:
            return inner(request, timeout=left_s, metadata=metadata, wait_for_ready=wait_for_ready)

        call = StreamUnaryCall(owner, owner.judge(self._method), make, timeout)
        owner.take(call)
        call.begin(request_iterator)
        return call


class StreamStream(grpc.aio.StreamStreamMultiCallable[Any, Any]):
    """Many requests, many responses."""

    def __init__(self, owner: Channel, method: str, inner: Any) -> None:
        self._owner = owner
        self._method = method
        self._inner = inner

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
        owner, inner = self._owner, self._inner

        def make(request: Any, left_s: float | None) -> Any:
            return inner(request, timeout=left_s, metadata=metadata, wait_for_ready=wait_for_ready)

        call = StreamStreamCall(owner, owner.judge(self._method), make, timeout)
        owner.take(call)
        call.begin(request_iterator)
        return call
