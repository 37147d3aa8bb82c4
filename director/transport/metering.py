"""Counts every RPC: how it ended, how long it took, and what went over the wire for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, cast

import grpc
import grpc.aio

from director.figures import RequestFigures
from director.transport.status import Context

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Answer = Callable[[Any, Context], Awaitable[Any]]

_TRANSIT_S = 0.02
"""A client's time began earlier than ours: when it is over there, some is left here."""

# Some contexts tell the code as a member, and grpc.aio's as its number.
_NAMES = MappingProxyType(
    {key: code.name for code in grpc.StatusCode for key in (code, code.value[0])}
)


class Meter:
    """The figures of every RPC that was ever called."""

    def __init__(self) -> None:
        self._requests: dict[str, RequestFigures] = {}

    def figures(self) -> Sequence[RequestFigures]:
        """Return them in the order of the first calls; they go on counting."""
        return tuple(self._requests.values())

    def metered(self, path: str, handler: Handler, *, kind: str) -> Handler:
        """Return the handler of "/service/method", counted; it has to be a coroutine function.

        Handlers of one path, on several ports, are counted together, as of the kind that their
        clients know them by.
        """
        _, service, method = path.split("/")
        shape = _shape_of(handler)
        figures = self._requests.setdefault(
            path, RequestFigures(kind=kind, service=service, method=method)
        )
        return shape.make(
            _counted(getattr(handler, shape.attribute), figures),
            request_deserializer=_receiving(handler.request_deserializer, figures),
            response_serializer=_sending(handler.response_serializer, figures),
        )


class _Shape(NamedTuple):
    kind: str
    attribute: str
    make: Callable[..., Handler]


_SHAPES = MappingProxyType(
    {
        (False, False): _Shape("unary", "unary_unary", grpc.unary_unary_rpc_method_handler),
        (False, True): _Shape(
            "server_stream", "unary_stream", grpc.unary_stream_rpc_method_handler
        ),
        (True, False): _Shape(
            "client_stream", "stream_unary", grpc.stream_unary_rpc_method_handler
        ),
        (True, True): _Shape("bidi_stream", "stream_stream", grpc.stream_stream_rpc_method_handler),
    }
)
"""By whether requests are streamed, and whether responses are."""


def kind_of(handler: Handler) -> str:
    """Return the name of the kind of call that a handler is for."""
    return _shape_of(handler).kind


def _shape_of(handler: Handler) -> _Shape:
    return _SHAPES[bool(handler.request_streaming), bool(handler.response_streaming)]


def _receiving(decode: Any, figures: RequestFigures) -> Callable[[bytes], Any]:
    def receive(content: bytes) -> Any:
        figures.received_messages += 1
        figures.received_bytes += len(content)
        return decode(content)

    return receive


def _sending(encode: Any, figures: RequestFigures) -> Callable[[Any], bytes]:
    def send(message: Any) -> bytes:
        content = cast("bytes", encode(message))
        figures.sent_messages += 1
        figures.sent_bytes += len(content)
        return content

    return send


def _counted(answer: Answer, figures: RequestFigures) -> Answer:
    async def handle(request: Any, context: Context) -> Any:
        time = asyncio.get_running_loop().time
        began_s = time()
        figures.begun += 1
        code = "OK"
        try:
            return await answer(request, context)
        except BaseException as error:
            code = _code_of(error, context)
            raise
        finally:
            figures.ended[code] = figures.ended.get(code, 0) + 1
            figures.seconds.observe(time() - began_s)

    return handle


def _code_of(error: BaseException, context: Context) -> str:
    if isinstance(error, grpc.aio.AbortError):
        return _NAMES[context.code()]
    if isinstance(error, asyncio.CancelledError | grpc.aio.BaseError):
        # Nobody listens any more: the client left, or the time that it gave is over.
        left_s = cast("float | None", context.time_remaining())
        is_over = left_s is not None and left_s < _TRANSIT_S
        return "DEADLINE_EXCEEDED" if is_over else "CANCELLED"
    return "UNKNOWN"
