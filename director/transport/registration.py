"""Registers servicers so that a request that cannot be decoded is refused, not an exception.

gRPC decodes a request before the servicer sees it, and tells its client what Python exception that
raised.  So handlers are registered to take bytes, and decode them where errors are answered; and
only if there are not more of them than such a request needs.  They are registered as such of
streams, as `first_messages` needs it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar, cast
from weakref import WeakSet

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from director.errors import LimitExceededError
from director.settings import Settings
from director.transport.first_messages import FirstMessages
from director.transport.metering import Handler, Meter, kind_of
from director.transport.reading import Reads
from director.transport.request_sizes import Decode, limited
from director.transport.sending import sending
from director.transport.status import CODES, Codes, Context, refusals_as_status
from director.transport.streams import closing

Method = TypeVar("Method", bound=Callable[..., Any])
Message = TypeVar("Message")


def decoding(
    server: grpc.aio.Server,
    settings: Settings,
    *,
    codes: Codes = CODES,
    meter: Meter | None = None,
) -> grpc.aio.Server:
    """Return what generated code registers a servicer on, in place of the server itself.

    The codes are those of its refusals; whoever says nothing for too long, or takes none of its
    answers, is let go of.  A meter, where one is given, counts what is asked of it.
    """
    messages = FirstMessages(settings.upload_idle_s, codes)
    terms = _Terms(messages, codes, settings.download_idle_s)
    return cast("grpc.aio.Server", _Desk(server, terms, meter))


class _Terms(NamedTuple):
    """On which requests are taken in and answered."""

    messages: FirstMessages
    codes: Codes
    idle_s: float


class _Desk:
    """The two methods of a server that generated code calls."""

    def __init__(self, server: grpc.aio.Server, terms: _Terms, meter: Meter | None) -> None:
        self._server = server
        self._terms = terms
        self._meter = meter

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        self._server.add_generic_rpc_handlers(
            tuple(_Decoding(handler, self._terms, self._meter) for handler in handlers)
        )

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Do nothing: the generic handlers serve the same methods."""


class _Decoding(grpc.GenericRpcHandler):
    """The handlers of a service, each made to decode for itself what is not a stream."""

    def __init__(self, inner: grpc.GenericRpcHandler, terms: _Terms, meter: Meter | None) -> None:
        self._inner = inner
        self._terms = terms
        self._meter = meter
        self._handlers: dict[str, Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        method = handler_call_details.method
        known = self._handlers.get(method)
        if known is not None:
            return known
        handler = self._inner.service(handler_call_details)
        if handler is None:
            return None
        made = self._made_to_decode(handler, method)
        if self._meter is not None:
            made = self._meter.metered(method, made, kind=kind_of(handler))
        # Only methods that exist are remembered: a caller may name as many others as it likes.
        self._handlers[method] = made
        return made

    def _made_to_decode(self, handler: Handler, method: str) -> Handler:
        # The servicer iterates over a stream itself, and meets what cannot be decoded in it.
        takes_bytes = handler.request_streaming and _takes_bytes(handler)
        decode = limited(method, bytes if takes_bytes else handler.request_deserializer or bytes)
        if handler.request_streaming:
            return _decoded(handler, decode)
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                cast("Any", _streaming(cast("Any", handler.unary_stream), decode, self._terms)),
                request_deserializer=bytes,
                response_serializer=_encoding(handler),
            )
        return grpc.stream_unary_rpc_method_handler(
            cast("Any", _unary(cast("Any", handler.unary_unary), decode, self._terms)),
            request_deserializer=bytes,
            response_serializer=_encoding(handler),
        )


def encoded(content: bytes, message: type[Message]) -> Message:
    """Return an encoded message for a servicer to answer with; it is sent as it is."""
    del message  # It tells what the bytes are, for whoever reads and checks types.
    return cast("Message", content)


def _encoding(handler: Handler) -> Callable[[Any], bytes]:
    encode = handler.response_serializer
    assert encode is not None

    def encode_unless_done(response: Any) -> bytes:
        return response if isinstance(response, bytes) else encode(response)

    return encode_unless_done


def taking_bytes(method: Method) -> Method:
    """Mark a method that takes a stream of requests as bytes, too, and decodes them better."""
    _TAKING_BYTES.add(method)
    return method


_TAKING_BYTES = WeakSet[Callable[..., Any]]()


def _takes_bytes(handler: Handler) -> bool:
    # Whoever overrides a method takes messages, as its signature says.
    return getattr(handler.stream_unary, "__func__", None) in _TAKING_BYTES


def _decoded(handler: Handler, decode: Decode[Any]) -> Handler:
    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(
            cast("Any", _reading(cast("Any", handler.stream_stream))),
            request_deserializer=decode,
            response_serializer=handler.response_serializer,
        )
    return grpc.stream_unary_rpc_method_handler(
        cast("Any", _reading(cast("Any", handler.stream_unary))),
        request_deserializer=decode,
        response_serializer=handler.response_serializer,
    )


def _reading(
    answer: Callable[[AsyncIterator[Any], Context], Awaitable[Any]],
) -> Callable[[AsyncIterator[Any], Context], Awaitable[Any]]:
    async def handle(requests: AsyncIterator[Any], context: Context) -> Any:
        return await answer(Reads(requests), context)

    return handle


def _unary(
    answer: Callable[[Any, Context], Awaitable[Any]], decode: Decode[Any], terms: _Terms
) -> Callable[[object, Context], Awaitable[Any]]:
    async def handle(_: object, context: Context) -> Any:
        # Around almost every request: so not the block that answers refusals, which costs more.
        # Nor does the request stay here: thousands of long polls may wait at the same time.
        try:
            answering = answer(decode(await terms.messages.of(context)), context)
        except (DecodeError, LimitExceededError):
            async with refusals_as_status(context, terms.codes):
                raise
        return await answering

    return handle


def _streaming(
    answer: Callable[[Any, Context], AsyncIterator[Any]], decode: Decode[Any], terms: _Terms
) -> Callable[[object, Context], Awaitable[None]]:
    async def handle(_: object, context: Context) -> None:
        async with refusals_as_status(context, terms.codes):
            request = decode(await terms.messages.of(context))
            # Written here rather than yielded to gRPC, which leaves a generator whose client is
            # gone to the garbage collector.
            async with (
                sending(context, within_s=terms.idle_s) as sent,
                closing(answer(request, context)) as responses,
            ):
                async for response in responses:
                    await sent.write(response)

    return handle
