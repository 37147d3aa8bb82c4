"""The server's end of a call in memory: what a handler is given as its context."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Never

import grpc
import grpc.aio

from simulator.network.memory_ends import ClientEnd, ConnectionEnd, Handler, Metadata
from simulator.network.memory_flow import Inbox
from simulator.network.memory_messages import read, written
from simulator.network.memory_tls import AuthContext

_FINISHED = "RPC already finished."


class Received(NamedTuple):
    """One piece of metadata, as a handler gets it."""

    key: str
    value: str | bytes


_USER_AGENT = Received("user-agent", "grpc-python-asyncio/memory")


class ServerStoppedError(grpc.aio.BaseError):
    """The handler outlived its server."""


class MemoryContext(grpc.aio.ServicerContext[Any, Any]):
    """Does what grpc.aio's own context does; also holds the state of the call."""

    # What most calls never touch costs nothing to set up.
    inbox: Inbox | None = None
    task: asyncio.Task[None] | None = None
    has_started = False
    is_over = False
    """Whether nobody listens at the other end any more."""
    is_server_stopped = False
    status_sent = False
    _aborted: grpc.aio.AbortError | None = None
    _code: grpc.StatusCode | None = None
    _details = ""
    _trailing: Metadata = ()
    _is_metadata_sent = False
    _callbacks: tuple[Callable[["MemoryContext"], None], ...] = ()

    def __init__(
        self,
        caller: ClientEnd,
        connection: ConnectionEnd,
        handler: Handler | None,
        on_ended: Callable[["MemoryContext"], object],
    ) -> None:
        self._on_ended = on_ended
        self._caller = caller
        self._connection = connection
        self._handler = handler
        self._deadline = caller.deadline
        self.method = caller.method

    # ------------------------------------------------------------ messages

    async def read(self) -> Any:
        self.raise_for_termination()
        assert self.inbox is not None, "the request is in the handler's hands already"
        message = await self.inbox.get()
        self.raise_for_termination()
        if message is None:
            return grpc.aio.EOF
        if self._caller.request is None:
            self._connection.back.send(self._caller.up.give, len(message))
        assert self._handler is not None
        return read(self._handler.request_deserializer, message)

    async def write(self, message: Any) -> None:
        self.raise_for_termination()
        assert self._handler is not None
        raw = written(self._handler.response_serializer, message)
        self._raise_if_over()
        await self._caller.down.take(len(raw))
        self._raise_if_over()
        self._send_initial_metadata(())
        self._connection.back.send(self._caller.on_message, raw)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        self.raise_for_termination()
        if self._is_metadata_sent:
            raise grpc.aio.UsageError("Send initial metadata failed: already sent")
        self._send_initial_metadata(tuple(initial_metadata))

    def _send_initial_metadata(self, metadata: Metadata) -> None:
        if not self._is_metadata_sent:
            self._is_metadata_sent = True
            self._connection.back.send(self._caller.on_initial_metadata, metadata)

    # ------------------------------------------------------------ the end

    def answer(self, response: Any) -> None:
        """End a call that has one response."""
        self.raise_for_termination()
        assert self._handler is not None
        raw = b""
        if self._code is None or self._code is grpc.StatusCode.OK:
            raw = written(self._handler.response_serializer, response)
        self.send_status(self._code or grpc.StatusCode.OK, self._details, raw)

    def finish(self) -> None:
        """End a call whose responses have been written."""
        self.raise_for_termination()
        self.send_status(self._code or grpc.StatusCode.OK, self._details)

    def fail(self, error: Exception) -> None:
        """End a call whose handler raised."""
        code = self._code
        if code is None or code is grpc.StatusCode.OK:
            code = grpc.StatusCode.UNKNOWN
        self.send_status(code, f"Unexpected {type(error)}: {error}")

    def send_status(
        self, code: grpc.StatusCode, details: str, message: bytes | None = None
    ) -> None:
        """Send the end, whatever the handler may still do."""
        self.status_sent = True
        if self.inbox is not None:
            self.inbox.discard()  # whoever reads on sees that it is over
        if not self.is_over:
            self._connection.back.send(
                self._caller.on_status, code, details, self._trailing, message
            )

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()
    ) -> Never:
        if self._aborted is not None:
            raise grpc.aio.UsageError("Abort already called!")
        self._aborted = grpc.aio.AbortError("Locally aborted.")
        self._trailing = tuple(trailing_metadata) or self._trailing
        self._details = details or self._details
        self._code = code
        self.status_sent = True
        # As in grpc.aio, the client of such a handler waits for ever.
        assert code is not grpc.StatusCode.OK, "abort() needs a code that is not OK"
        self.send_status(code, self._details)
        raise self._aborted

    async def abort_with_status(self, status: grpc.Status) -> Never:
        await self.abort(status.code, status.details, status.trailing_metadata)

    def terminate(self, code: grpc.StatusCode, details: str) -> None:
        """End the call without asking its handler, which is cancelled."""
        if not self.status_sent and not self.is_over:
            self._connection.back.send(self._caller.on_status, code, details, (), None)
        self.on_peer_gone()

    def on_peer_gone(self) -> None:
        """The client cancelled, its deadline passed, or its connection is lost."""
        if self.is_over:
            return
        self.is_over = True
        task, inbox = self.task, self.inbox
        is_reading = inbox is not None and inbox.is_awaited
        if inbox is not None:
            inbox.discard()
        if task is None or self.status_sent:
            return
        if is_reading:
            # As in grpc.aio, a handler that is reading sees the requests end in good order, and
            # is cancelled at its next await; if it has none, it never learns.
            task.get_loop().call_soon(task.cancel)
        else:
            task.cancel()
        if not self.has_started:
            self.on_ended()

    def raise_for_termination(self) -> None:
        """Stop a handler that goes on after the end."""
        if self._aborted is not None:
            raise self._aborted
        if self.status_sent:
            raise grpc.aio.UsageError(_FINISHED)
        if self.is_server_stopped:
            raise ServerStoppedError("Server already stopped.")

    def _raise_if_over(self) -> None:
        if self.is_over:
            raise grpc.aio.InternalError("nobody listens any more")

    def on_ended(self) -> None:
        """The handler is done, or will never start."""
        self._on_ended(self)
        self._connection.served.pop(self, None)
        # The two ends hold each other; who is done lets go, to spare the garbage collector.
        self._caller.far = None
        for callback in self._callbacks:
            callback(self)

    # ------------------------------------------------------------ what a handler may ask

    def invocation_metadata(self) -> Any:
        return (_USER_AGENT, *map(Received._make, self._caller.metadata))

    def peer(self) -> str:
        return self._connection.peer

    def auth_context(self) -> AuthContext:
        return self._connection.auth_context

    def peer_identity_key(self) -> str | None:
        for key in ("x509_subject_alternative_name", "x509_common_name"):
            if key in self.auth_context():
                return key
        return None

    def peer_identities(self) -> Iterable[bytes] | None:
        key = self.peer_identity_key()
        return None if key is None else self.auth_context()[key]

    def time_remaining(self) -> Any:
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> Any:
        return self._code

    def set_details(self, details: str) -> None:
        self._details = details

    def details(self) -> str:
        return self._details

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self._trailing = tuple(trailing_metadata)

    def trailing_metadata(self) -> Any:
        return self._trailing

    def set_compression(self, compression: grpc.Compression) -> None:
        """Memory has room enough."""

    def disable_next_message_compression(self) -> None:
        """Nothing is compressed."""

    def add_done_callback(self, callback: Any) -> None:
        self._callbacks = (*self._callbacks, callback)

    def done(self) -> bool:
        return self.status_sent

    def cancelled(self) -> bool:
        return self._code is grpc.StatusCode.CANCELLED
