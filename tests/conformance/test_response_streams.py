"""Calls whose responses are a stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.worlds import World, all_of, download, failure, settle, until

Handler = grpc.unary_stream_rpc_method_handler
Context = grpc.aio.ServicerContext[Any, Any]


class Counting:
    """A handler that counts, slowly where it is told to, and tells what becomes of it."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.seen: list[str] = []
        self.sent = 0
        self._pause_s = pause_s

    async def count(self, request: bytes, _: Context) -> AsyncIterator[bytes]:
        try:
            for number in range(int(request)):
                yield b"%d" % number
                self.sent += 1
                if self._pause_s:
                    await asyncio.sleep(self._pause_s)
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        self.seen.append("finished")

    @property
    def handlers(self) -> dict[str, Any]:
        return {"count": Handler(self.count)}


async def test_responses_come_in_the_order_in_which_they_were_sent(world: World) -> None:
    async with world.serving(Counting().handlers) as served:
        channel = served.connect("ann")

        call = download(channel, "count")(b"2000")
        responses = await all_of(call)

        assert responses == [b"%d" % number for number in range(2000)]
        assert await call.code() is grpc.StatusCode.OK
        assert call.done()


async def test_responses_can_be_read_one_by_one(world: World) -> None:
    async with world.serving(Counting().handlers) as served:
        channel = served.connect("ann")

        call = download(channel, "count")(b"2")

        assert await call.read() == b"0"
        assert await call.read() == b"1"
        assert await call.read() is grpc.aio.EOF
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK


async def test_reading_and_iterating_cannot_be_mixed(world: World) -> None:
    async with world.serving(Counting().handlers) as served:
        channel = served.connect("ann")
        call = download(channel, "count")(b"2")
        await call.read()

        with pytest.raises(grpc.aio.UsageError):
            await all_of(call)


async def test_a_handler_may_write_instead_of_yielding(world: World) -> None:
    async def writes(_: bytes, context: Context) -> None:
        await context.write(b"a")
        await context.write(b"b")

    async with world.serving({"it": Handler(writes)}) as served:
        channel = served.connect("ann")

        assert await all_of(download(channel, "it")(b"")) == [b"a", b"b"]


async def test_an_error_comes_after_the_responses_before_it(world: World) -> None:
    async def breaks(_: bytes, __: Context) -> AsyncIterator[bytes]:
        yield b"first"
        raise ValueError("broken")

    async with world.serving({"it": Handler(breaks)}) as served:
        channel = served.connect("ann")
        call = download(channel, "it")(b"")
        await settle()

        assert await call.read() == b"first"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()

        details = "Unexpected <class 'ValueError'>: broken"
        assert failure(caught.value) == (grpc.StatusCode.UNKNOWN, details)
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()


async def test_an_abort_before_the_first_response_is_all_there_is(world: World) -> None:
    async def aborts(request: bytes, context: Context) -> AsyncIterator[bytes]:
        if not request:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        yield request

    async with world.serving({"it": Handler(aborts)}) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(download(channel, "it")(b""))

        assert failure(caught.value) == (grpc.StatusCode.NOT_FOUND, "no such thing")


async def test_a_stream_that_is_not_overridden_is_unimplemented(world: World) -> None:
    def is_not_overridden(_: bytes, context: Context) -> AsyncIterator[bytes]:
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        raise NotImplementedError("Method not implemented!")

    async with world.serving({"it": Handler(is_not_overridden)}) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(download(channel, "it")(b""))

        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_the_end_is_not_known_before_all_was_read(world: World) -> None:
    counting = Counting()
    async with world.serving(counting.handlers) as served:
        channel = served.connect("ann")
        call = download(channel, "count")(b"3")
        await until(lambda: counting.seen == ["finished"])
        await settle()

        assert not call.done()
        assert await all_of(call) == [b"0", b"1", b"2"]
        assert call.done()


async def test_a_slow_reader_holds_the_handler_up(world: World) -> None:
    sent = 0

    async def floods(_: bytes, __: Context) -> AsyncIterator[bytes]:
        nonlocal sent
        for _number in range(200):
            yield bytes(1_000_000)
            sent += 1

    async with world.serving({"it": Handler(floods)}) as served:
        channel = served.connect("ann")
        call = download(channel, "it")(b"")

        assert len(await call.read()) == 1_000_000
        await settle()
        assert sent < 100
        rest = 0
        while await call.read() is not grpc.aio.EOF:
            rest += 1

        assert rest == 199
        assert sent == 200


async def test_a_client_that_leaves_a_stream_is_not_told_of_at_once(world: World) -> None:
    counting = Counting(pause_s=0.02)
    async with world.serving(counting.handlers) as served:
        channel = served.connect("ann")

        async for response in download(channel, "count")(b"8"):
            assert response == b"0"
            break

        await until(lambda: counting.seen == ["finished"])


async def test_a_client_that_cancels_a_stream_cancels_its_handler(world: World) -> None:
    counting = Counting(pause_s=0.05)
    async with world.serving(counting.handlers) as served:
        channel = served.connect("ann")
        call = download(channel, "count")(b"1000")
        await call.read()

        call.cancel()

        assert call.cancelled()
        assert await call.code() is grpc.StatusCode.CANCELLED
        await until(lambda: counting.seen == ["CancelledError"])
        with pytest.raises(asyncio.CancelledError):
            await call.read()


async def test_a_handler_that_waits_in_a_yield_sees_generator_exit(world: World) -> None:
    seen: list[str] = []

    async def floods(_: bytes, __: Context) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1_000_000)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    async with world.serving({"it": Handler(floods)}) as served:
        channel = served.connect("ann")
        call = download(channel, "it")(b"")
        await call.read()
        await settle()

        call.cancel()

        await until(lambda: seen == ["GeneratorExit"])


async def test_cancelling_the_task_that_reads_cancels_the_call(world: World) -> None:
    counting = Counting(pause_s=10)
    async with world.serving(counting.handlers) as served:
        channel = served.connect("ann")
        call = download(channel, "count")(b"1000")
        task = asyncio.create_task(all_of(call))
        await until(lambda: counting.sent == 1)
        await settle()

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.cancelled()
        await until(lambda: counting.seen == ["CancelledError"])


async def test_a_deadline_ends_a_stream_in_its_middle(world: World) -> None:
    counting = Counting(pause_s=0.05)
    async with world.serving(counting.handlers) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(download(channel, "count")(b"1000", timeout=0.3))

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: counting.seen == ["CancelledError"])


async def test_a_deadline_throws_away_what_was_not_read(world: World) -> None:
    async with world.serving(Counting().handlers) as served:
        channel = served.connect("ann")
        call = download(channel, "count")(b"3", timeout=0.2)
        await asyncio.sleep(0.4)

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_big_responses_arrive_whole(world: World) -> None:
    async def sends(_: bytes, __: Context) -> AsyncIterator[bytes]:
        for number in range(4):
            yield bytes([number]) * 8_000_000

    async with world.serving({"it": Handler(sends)}) as served:
        channel = served.connect("ann")

        responses = await all_of(download(channel, "it")(b""))

        assert [(len(one), one[:1], one[-1:]) for one in responses] == [
            (8_000_000, bytes([number]), bytes([number])) for number in range(4)
        ]
