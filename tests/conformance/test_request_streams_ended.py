"""Calls whose requests are a stream, and that end before it does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.receiving import Receiving, endless, numbers
from tests.conformance.worlds import World, failure, settle, until, upload

Handler = grpc.stream_unary_rpc_method_handler
Context = grpc.aio.ServicerContext[Any, Any]


async def test_an_upload_that_is_cancelled_ends_in_good_order_and_then_the_handler_is_cancelled(
    world: World,
) -> None:
    receiving = Receiving()
    closed: list[str] = []
    async with world.serving(receiving.handlers) as served:
        channel = served.connect("ann")
        call = upload(channel, "receive")(endless(closed, 60))
        await until(lambda: receiving.got == [b"more"])
        await settle()

        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: receiving.seen == ["end of requests", "CancelledError"])
        await until(lambda: closed)
        assert receiving.got == [b"more"]


async def test_an_upload_whose_client_is_gone_is_told_only_by_an_await(world: World) -> None:
    accepted: list[int] = []

    async def accepts(requests: AsyncIterator[bytes], _: Context) -> bytes:
        # Whoever checks nothing and awaits nothing takes half an upload for a whole one.
        accepted.append(len([request async for request in requests]))
        return b""

    async with world.serving({"it": Handler(accepts)}) as served:
        channel = served.connect("ann")
        call = upload(channel, "it")()
        await call.write(b"the first half")
        await settle()

        call.cancel()

        await until(lambda: accepted == [1])


async def test_an_upload_that_is_cancelled_while_its_handler_works_cancels_the_handler(
    world: World,
) -> None:
    receiving = Receiving(pause_s=60)
    async with world.serving(receiving.handlers) as served:
        channel = served.connect("ann")
        call = upload(channel, "receive")(numbers(20))
        await until(lambda: receiving.got == [b"0"])

        call.cancel()

        await until(lambda: receiving.seen == ["CancelledError"])


async def test_a_deadline_ends_an_upload_likewise(world: World) -> None:
    receiving = Receiving()
    async with world.serving(receiving.handlers) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await upload(channel, "receive")(endless([], 60), timeout=0.3)

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: receiving.seen == ["end of requests", "CancelledError"])


async def test_an_upload_whose_iterator_raises_is_cancelled(world: World) -> None:
    receiving = Receiving()

    async def breaks() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.sleep(0.05)
        raise ValueError("the client's own trouble")

    async with world.serving(receiving.handlers) as served:
        channel = served.connect("ann")
        call = upload(channel, "receive")(breaks())

        with pytest.raises(asyncio.CancelledError):
            await call

        assert call.cancelled()
        await until(lambda: receiving.seen[-1:] == ["CancelledError"])


async def test_a_handler_may_answer_before_it_has_read_everything(world: World) -> None:
    closed: list[str] = []

    async def answers_early(requests: AsyncIterator[bytes], _: Context) -> bytes:
        return await anext(requests)

    async with world.serving({"it": Handler(answers_early)}) as served:
        channel = served.connect("ann")

        assert await upload(channel, "it")(endless(closed, 0.01)) == b"more"
        await until(lambda: closed)


async def test_a_handler_may_abort_in_the_middle_of_an_upload(world: World) -> None:
    async def aborts(requests: AsyncIterator[bytes], context: Context) -> bytes:
        await anext(requests)
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not like this")

    async with world.serving({"it": Handler(aborts)}) as served:
        channel = served.connect("ann")

        # Who is writing at that very moment may see "Internal error from Core" instead.
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await upload(channel, "it")(endless([], 60))

        assert failure(caught.value) == (grpc.StatusCode.INVALID_ARGUMENT, "not like this")


async def test_what_reads_on_when_its_call_is_aborted_sees_that_it_is_over(world: World) -> None:
    seen: list[str] = []

    async def read(context: Context) -> None:
        try:
            await context.read()
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    async def aborting(_: AsyncIterator[bytes], context: Context) -> bytes:
        reading = asyncio.ensure_future(read(context))
        await settle()
        try:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "too late")
        finally:
            await asyncio.wait([reading])
            reading.exception()

    async with world.serving({"it": Handler(aborting)}) as served:
        channel = served.connect("ann")
        call = upload(channel, "it")()

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call

        assert failure(caught.value) == (grpc.StatusCode.UNAVAILABLE, "too late")
        await until(lambda: seen == ["AbortError"])
