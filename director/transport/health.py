"""The standard health service: whether this server serves, asked once or watched.

Not the library's own servicer: its watches never end, and would hold up every graceful stop.
"""

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from director.transport.status import Context

HEALTH = "grpc.health.v1.Health"


class HealthServicer:
    """Answers for the server as a whole ("") and for each of its services."""

    def __init__(self, services: tuple[str, ...]) -> None:
        self._services = ("", *services)
        self._is_serving = False
        self._is_over = False
        self._changed: asyncio.Future[None] | None = None

    def register(self, server: grpc.aio.Server) -> None:
        """Let a server answer for its health."""
        handlers = {
            "Check": grpc.unary_unary_rpc_method_handler(
                self.check,
                HealthCheckRequest.FromString,
                HealthCheckResponse.SerializeToString,
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                self.watch,
                HealthCheckRequest.FromString,
                HealthCheckResponse.SerializeToString,
            ),
        }
        service = grpc.method_handlers_generic_handler(HEALTH, handlers)
        server.add_generic_rpc_handlers((service,))

    def begin(self) -> None:
        """Tell everybody that requests are welcome."""
        self._change(is_serving=True, is_over=False)

    def end(self) -> None:
        """Tell everybody to go elsewhere; watches end."""
        self._change(is_serving=False, is_over=True)

    async def check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:
        """Answer at once; NOT_FOUND for a service that is not served here."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "this server has no such service")
        return HealthCheckResponse(status=self._status(request.service))

    async def watch(
        self, request: HealthCheckRequest, context: Context
    ) -> AsyncIterator[HealthCheckResponse]:
        """Answer now and after each change, until the server ends."""
        del context  # A watch is never refused.
        while True:
            yield HealthCheckResponse(status=self._status(request.service))
            if self._is_over:
                return
            await self._change_comes()

    def _status(self, service: str) -> HealthCheckResponse.ServingStatus:
        if service not in self._services:
            return HealthCheckResponse.SERVICE_UNKNOWN
        if self._is_serving:
            return HealthCheckResponse.SERVING
        return HealthCheckResponse.NOT_SERVING

    def _change(self, *, is_serving: bool, is_over: bool) -> None:
        self._is_serving = is_serving
        self._is_over = is_over
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    async def _change_comes(self) -> None:
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        # Others watch the same future: one that leaves must not cancel it.
        await asyncio.shield(self._changed)
