"""A gRPC server in memory: takes the generated handlers, and gives each call a task of its own."""

import asyncio
import contextvars
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import NamedTuple

import grpc
import grpc.aio

from simulator.network.api import ClientCredentials
from simulator.network.memory_context import MemoryContext
from simulator.network.memory_ends import ClientEnd, ConnectionEnd, Handler, Metadata, ServerEnd
from simulator.network.memory_flow import Inbox
from simulator.network.memory_handlers import Run, run_of, serve
from simulator.network.memory_link import CLOSED
from simulator.network.memory_tls import AuthContext, Handshakes

_PORT = 50051
_STOPPED = "Cancelling all calls"


class _State(Enum):
    NEW = auto()
    SERVING = auto()
    STOPPING = auto()
    STOPPED = auto()


class _Details(NamedTuple):
    """What a generic handler is asked with."""

    method: str
    invocation_metadata: Metadata


class MemoryServer(grpc.aio.Server):
    """Serves what was registered, from `start` until `stop` or `crash`."""

    def __init__(self, handshakes: Handshakes, *, max_message_bytes: int) -> None:
        self._handshakes = handshakes
        self._max_message_bytes = max_message_bytes
        self._generic: list[grpc.GenericRpcHandler] = []
        self._registered: dict[str, Handler] = {}
        self._runs: dict[str, tuple[Handler, Run]] = {}
        self._state = _State.NEW
        self._connections: dict[ConnectionEnd, None] = {}
        self._active: dict[MemoryContext, None] = {}
        """Calls whose handlers run, in the order of their arrival."""
        self._terminated = asyncio.Event()
        self._context = contextvars.copy_context()

    def __repr__(self) -> str:
        return f"<MemoryServer {self._state.name.lower()}, {len(self._active)} calls>"

    # ------------------------------------------------------------ as grpc.aio.Server

    def add_generic_rpc_handlers(
        self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]
    ) -> None:
        self._generic.extend(generic_rpc_handlers)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        for name, handler in method_handlers.items():
            self._registered[f"/{service_name}/{name}"] = handler

    def add_insecure_port(self, address: str) -> int:
        return int(address.rpartition(":")[2] or 0) or _PORT

    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        del server_credentials  # the network has its own, which can be read
        return self.add_insecure_port(address)

    async def start(self) -> None:
        if self._state is not _State.NEW:
            raise grpc.aio.UsageError("Server not in ready state")
        # Handlers see what was set before the start, and nothing of any client.
        self._context = contextvars.copy_context()
        self._state = _State.SERVING

    async def stop(self, grace: float | None) -> None:
        if self._state in {_State.NEW, _State.STOPPED}:
            return
        self._state = _State.STOPPING
        for connection in self._connections:
            connection.back.send(connection.refuse_new)
        if grace is not None:
            await self._wait(grace)
        for context in tuple(self._active):
            context.terminate(grpc.StatusCode.UNAVAILABLE, _STOPPED)
        await self._wait(None)
        self._end()

    async def _wait(self, timeout: float | None) -> None:
        tasks = [context.task for context in self._active if context.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)

    async def wait_for_termination(self, timeout: float | None = None) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self._terminated.wait()
        except TimeoutError:
            return True
        return False

    def crash(self) -> None:
        """Go down as a killed process does: no goodbye; handlers are cancelled and not heard."""
        if self._state is not _State.STOPPED:
            self._end()

    def _end(self) -> None:
        self._state = _State.STOPPED
        self._generic.clear()
        self._registered.clear()
        self._runs.clear()
        for context in self._active:
            context.is_server_stopped = True
        for connection in tuple(self._connections):
            connection.drop()
            connection.back.send(connection.lose, CLOSED)
        self._terminated.set()

    # ------------------------------------------------------------ as Listener

    @property
    def is_listening(self) -> bool:
        """Whether it takes new connections."""
        return self._state is _State.SERVING

    @property
    def open_calls(self) -> int:
        """How many handlers run."""
        return len(self._active)

    def shake(self, credentials: ClientCredentials | None) -> AuthContext:
        return self._handshakes.shake(credentials)

    def on_accepted(self, connection: ConnectionEnd) -> None:
        self._connections[connection] = None

    def on_gone(self, connection: ConnectionEnd) -> None:
        self._connections.pop(connection, None)

    # ------------------------------------------------------------ calls

    def accept(self, connection: ConnectionEnd, caller: ClientEnd) -> None:
        """Let a call arrive."""
        handler = self._find(caller)
        context = MemoryContext(caller, connection, handler, self._active.pop)
        raw = caller.request
        if not self.is_listening:
            context.send_status(grpc.StatusCode.UNAVAILABLE, _STOPPED)
        elif handler is None:
            context.send_status(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        elif raw is not None and len(raw) > self._max_message_bytes:
            context.send_status(grpc.StatusCode.RESOURCE_EXHAUSTED, self._too_large(raw))
        else:
            caller.far = context
            if handler.request_streaming:
                context.inbox = _inbox(raw)
            connection.served[context] = None
            self._active[context] = None
            context.task = asyncio.get_running_loop().create_task(
                serve(context, self._run(caller.method, handler), raw),
                name=caller.method,
                context=self._context.copy(),
            )

    def receive(self, call: ServerEnd, message: bytes) -> None:
        """Let a streamed request arrive."""
        assert isinstance(call, MemoryContext)
        if call.inbox is None or call.is_over:
            return
        if len(message) > self._max_message_bytes:
            call.terminate(grpc.StatusCode.RESOURCE_EXHAUSTED, self._too_large(message))
        else:
            call.inbox.put(message)

    def _find(self, caller: ClientEnd) -> Handler | None:
        registered = self._registered.get(caller.method)
        if registered is not None:
            return registered
        details = _Details(caller.method, caller.metadata)
        for generic in self._generic:
            # The stub wants a class of gRPC's own; every handler only reads the attributes.
            handler = generic.service(details)  # type: ignore[arg-type]
            if handler is not None:
                return handler
        return None

    def _run(self, method: str, handler: Handler) -> Run:
        known = self._runs.get(method)
        if known is None or known[0] is not handler:
            known = self._runs[method] = (handler, run_of(handler))
        return known[1]

    def _too_large(self, message: bytes) -> str:
        sizes = f"({len(message)} vs. {self._max_message_bytes})"
        return f"SERVER: Received message larger than max {sizes}"


def _inbox(raw: bytes | None) -> Inbox:
    """Return where requests arrive; the only one of a client that sends no stream is there."""
    inbox = Inbox()
    if raw is not None:
        inbox.put(raw)
        inbox.end()
    return inbox
