"""The standard reflection service: grpcurl and its like find out by it what this server speaks.

The library answers; around it stands what ends streams with the server, and what answers requests
that cannot be decoded.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from director.extras import require
from director.transport.status import Context, refusals_as_status
from director.transport.streams import closing

if TYPE_CHECKING:
    from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

_SERVICE = "grpc.reflection.v1alpha.ServerReflection"


class ReflectionServicer:
    """Tells of these services, and of itself.

    Raises:
        MissingExtraError: the library is not installed.
    """

    def __init__(self, services: tuple[str, ...]) -> None:
        require("reflection")
        # A Director without the extra has to run, too.
        from grpc_reflection.v1alpha import reflection, reflection_pb2  # noqa: PLC0415

        self._messages = reflection_pb2
        self._library: Any = reflection.aio.ReflectionServicer((*services, _SERVICE))
        self._over: asyncio.Future[None] | None = None

    def register(self, server: grpc.aio.Server) -> None:
        """Let a server answer for what it speaks."""
        handler = grpc.stream_stream_rpc_method_handler(
            self.answer,
            self._messages.ServerReflectionRequest.FromString,
            self._messages.ServerReflectionResponse.SerializeToString,
        )
        service = grpc.method_handlers_generic_handler(_SERVICE, {"ServerReflectionInfo": handler})
        server.add_generic_rpc_handlers((service,))

    def end(self) -> None:
        """Let every stream come to its end: a tool that is left open holds up no stop."""
        if self._over is not None:
            self._over.set_result(None)
            self._over = None

    async def answer(
        self, requests: "AsyncIterator[ServerReflectionRequest]", context: Context
    ) -> None:
        """Answer each request, until the client has no more or the server stops."""
        async with (
            refusals_as_status(context),
            closing(self._until_over(requests)) as asked,
            closing(self._library.ServerReflectionInfo(asked, context)) as responses,
        ):
            async for response in responses:
                await context.write(response)

    async def _until_over(
        self, requests: "AsyncIterator[ServerReflectionRequest]"
    ) -> "AsyncIterator[ServerReflectionRequest]":
        if self._over is None:
            self._over = asyncio.get_running_loop().create_future()
        over, coming = self._over, aiter(requests)
        while True:
            request = asyncio.ensure_future(anext(coming, None))
            try:
                await asyncio.wait((request, over), return_when=asyncio.FIRST_COMPLETED)
                if not request.done():
                    return
                asked = request.result()
            finally:
                request.cancel()
            if asked is None:
                return
            yield asked
