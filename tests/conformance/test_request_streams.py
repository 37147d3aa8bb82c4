"""Calls whose requests are a stream: how they arrive, and who may send them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.receiving import Receiving, endless, numbers
from tests.conformance.worlds import (
    Handlers,
    World,
    all_of,
    chat,
    download,
    settle,
    unary,
    until,
    upload,
)

Handler = grpc.stream_unary_rpc_method_handler
Context = grpc.aio.ServicerContext[Any, Any]


async def test_requests_come_in_the_order_in_which_they_were_sent(world: World) -> None:
    receiving = Receiving()
    async with world.serving(receiving.handlers) as served:
        channel = served.connect("ann")

        answer = await upload(channel, "receive")(numbers(500))

        assert answer == b"500"
        assert receiving.got == [b"%d" % number for number in range(500)]
        assert receiving.seen == ["end of requests", "finished"]


@pytest.mark.parametrize("count", [0, 1, 5])
async def test_a_plain_iterator_will_do(world: World, count: int) -> None:
    def plain() -> Iterator[bytes]:
        for _ in range(count):
            yield b"x"

    async with world.serving(Receiving().handlers) as served:
        channel = served.connect("ann")

        assert await upload(channel, "receive")(plain()) == b"%d" % count


async def test_requests_can_be_written_one_by_one(world: World) -> None:
    receiving = Receiving()
    async with world.serving(receiving.handlers) as served:
        channel = served.connect("ann")
        call = upload(channel, "receive")()

        await call.write(b"a")
        await call.write(b"b")
        await call.done_writing()
        await call.done_writing()
        with pytest.raises(asyncio.InvalidStateError):
            await call.write(b"after the end of requests")

        assert await call == b"2"
        with pytest.raises(asyncio.InvalidStateError):
            await call.write(b"after the end of the call")
        await call.done_writing()


async def test_an_iterator_and_writing_cannot_be_mixed(world: World) -> None:
    async with world.serving(Receiving().handlers) as served:
        channel = served.connect("ann")
        call = upload(channel, "receive")(numbers(3))

        with pytest.raises(grpc.aio.UsageError):
            await call.write(b"x")

        assert await call == b"3"


async def test_an_upload_that_is_not_overridden_is_unimplemented(world: World) -> None:
    def is_not_overridden(_: Any, context: Context) -> bytes:
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        raise NotImplementedError("Method not implemented!")

    async with world.serving({"it": Handler(is_not_overridden)}) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await upload(channel, "it")(endless([], 60))

        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_handler_that_does_not_read_holds_the_writer_up(world: World) -> None:
    wait = asyncio.Event()

    async def does_not_read(_: AsyncIterator[bytes], __: Context) -> bytes:
        await wait.wait()
        return b"done"

    async with world.serving({"it": Handler(does_not_read)}) as served:
        channel = served.connect("ann")
        written = 0

        async def sends() -> AsyncIterator[bytes]:
            nonlocal written
            for _ in range(200):
                yield bytes(1_000_000)
                written += 1

        call = upload(channel, "it")(sends())
        await settle()
        assert written < 100
        wait.set()

        assert await call == b"done"
        assert written < 200


async def test_big_requests_arrive_whole(world: World) -> None:
    receiving = Receiving()

    async def sends() -> AsyncIterator[bytes]:
        for number in range(4):
            yield bytes([number]) * 8_000_000

    async with world.serving(receiving.handlers) as served:
        channel = served.connect("ann")

        await upload(channel, "receive")(sends())

        assert [(len(one), one[:1], one[-1:]) for one in receiving.got] == [
            (8_000_000, bytes([number]), bytes([number])) for number in range(4)
        ]


async def test_both_sides_may_stream(world: World) -> None:
    async def replies(requests: AsyncIterator[bytes], _: Context) -> AsyncIterator[bytes]:
        async for request in requests:
            yield b"re: " + request

    handlers: Handlers = {"it": grpc.stream_stream_rpc_method_handler(replies)}
    async with world.serving(handlers) as served:
        channel = served.connect("ann")
        call = chat(channel, "it")()

        await call.write(b"one")
        assert await call.read() == b"re: one"
        await call.write(b"two")
        assert await call.read() == b"re: two"
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await all_of(chat(channel, "it")(numbers(2))) == [b"re: 0", b"re: 1"]


# ---------------------------------------------------------------- clients that send one message


async def test_a_handler_of_streams_serves_a_client_that_sends_one_message(world: World) -> None:
    read: list[object] = []

    async def reading(_: AsyncIterator[bytes], context: Context) -> bytes:
        read.append(await context.read())
        read.append(await context.read())
        return b"both"

    async def answering(_: AsyncIterator[bytes], context: Context) -> None:
        read.append(await context.read())
        await context.write(b"one")
        await context.write(b"two")

    receiving = Receiving()
    handlers: Handlers = {
        **receiving.handlers,
        "read": Handler(reading),
        "answer": grpc.stream_stream_rpc_method_handler(answering),
    }
    async with world.serving(handlers) as served:
        channel = served.connect("ann")

        assert await unary(channel, "receive")(b"one") == b"1"
        assert await unary(channel, "read")(b"two") == b"both"
        assert await all_of(download(channel, "answer")(b"three")) == [b"one", b"two"]

        assert receiving.got == [b"one"]
        assert receiving.seen == ["end of requests", "finished"]
        assert read == [b"two", grpc.aio.EOF, b"three"]


async def test_a_client_that_sent_one_message_and_leaves_cancels_its_handler(world: World) -> None:
    seen: list[str] = []

    async def waiting(_: AsyncIterator[bytes], context: Context) -> bytes:
        seen.append(str(await context.read()))
        try:
            await asyncio.sleep(60)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise
        return b""

    async with world.serving({"wait": Handler(waiting)}) as served:
        channel = served.connect("ann")
        call = unary(channel, "wait")(b"one")
        await until(lambda: seen)

        call.cancel()

        await until(lambda: len(seen) > 1)
        assert seen == ["b'one'", "CancelledError"]


async def test_a_message_too_long_for_the_server_never_reaches_such_a_handler(
    world: World,
) -> None:
    receiving = Receiving()
    async with world.serving(receiving.handlers, server_limit=10) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "receive")(bytes(11))

        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert receiving.got == []
