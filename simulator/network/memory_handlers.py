"""How a handler is run: one function for each of the four kinds of call, as grpc.aio runs them."""

import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import grpc.aio

from simulator.network.memory_context import MemoryContext, ServerStoppedError
from simulator.network.memory_ends import Handler
from simulator.network.memory_messages import read

_log = logging.getLogger(__name__)

Run = Callable[[MemoryContext, bytes | None], Coroutine[Any, Any, None]]
"""Runs a handler to its end, given the request where there is exactly one."""


async def serve(context: MemoryContext, run: Run, request: bytes | None) -> None:
    """Run a handler, and tell the client how it ended.

    A handler that ends by CancelledError tells it nothing, whoever cancelled it: so does grpc.aio.
    """
    context.has_started = True
    try:
        await run(context, request)
    except grpc.aio.AbortError:
        return
    except ServerStoppedError:
        _log.warning("%s outlived its server", context.method)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is an answer
        if context.is_over:
            return
        _log.exception("unexpected %s raised by %s", type(error).__name__, context.method)
        if not context.status_sent and not context.is_server_stopped:
            context.fail(error)
    finally:
        context.on_ended()


class Requests:
    """The request iterator of a handler."""

    def __init__(self, context: MemoryContext) -> None:
        self._context = context

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        message = await self._context.read()
        if message is grpc.aio.EOF:
            raise StopAsyncIteration
        return message


def run_of(handler: Handler) -> Run:
    """Return how to run a handler; found out once for each, since asking is slow."""
    behaviour: Any
    if not handler.response_streaming:
        behaviour = handler.stream_unary if handler.request_streaming else handler.unary_unary
        if inspect.iscoroutinefunction(behaviour):
            return _one_response(handler, behaviour)
        return _one_response_inline(handler, behaviour)
    behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream
    if inspect.iscoroutinefunction(behaviour):
        return _written_responses(handler, behaviour)
    if inspect.isasyncgenfunction(behaviour):
        return _generated_responses(handler, behaviour)
    return _generated_inline(handler, behaviour)


def _request(context: MemoryContext, handler: Handler, raw: bytes | None) -> Any:
    """Return what a handler is called with.

    Raises:
        TypeError: it takes one message, and its client sends a stream.
    """
    if handler.request_streaming:
        return Requests(context)
    if raw is None:
        raise TypeError("client and handler disagree on whether the request is a stream")
    return read(handler.request_deserializer, raw)


def _one_response(handler: Handler, behaviour: Callable[..., Awaitable[Any]]) -> Run:
    async def run(context: MemoryContext, raw: bytes | None) -> None:
        context.answer(await behaviour(_request(context, handler, raw), context))

    return run


def _one_response_inline(handler: Handler, behaviour: Callable[..., Any]) -> Run:
    # Real gRPC gives these a thread; such as are left in an async service raise at once.
    async def run(context: MemoryContext, raw: bytes | None) -> None:
        context.answer(behaviour(_request(context, handler, raw), context))

    return run


def _written_responses(handler: Handler, behaviour: Callable[..., Awaitable[None]]) -> Run:
    async def run(context: MemoryContext, raw: bytes | None) -> None:
        await behaviour(_request(context, handler, raw), context)
        context.finish()

    return run


def _generated_responses(
    handler: Handler, behaviour: Callable[..., AsyncGenerator[Any, None]]
) -> Run:
    async def run(context: MemoryContext, raw: bytes | None) -> None:
        responses = behaviour(_request(context, handler, raw), context)
        try:
            async for response in responses:
                await context.write(response)
        finally:
            # A generator that waits in `yield` sees GeneratorExit; grpc.aio leaves that to the
            # garbage collector, whose time is not ours to tell.
            await responses.aclose()
        context.finish()

    return run


def _generated_inline(handler: Handler, behaviour: Callable[..., Any]) -> Run:
    async def run(context: MemoryContext, raw: bytes | None) -> None:
        for response in behaviour(_request(context, handler, raw), context):
            await context.write(response)
        context.finish()

    return run
