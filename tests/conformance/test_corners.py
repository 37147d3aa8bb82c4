"""What is seldom used of calls and contexts, and must be the same in both worlds all the more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.worlds import (
    Handlers,
    World,
    all_of,
    chat,
    download,
    failure,
    settle,
    unary,
    until,
    upload,
)

Context = grpc.aio.ServicerContext[Any, Any]


class House:
    """Handlers of all kinds that wait to be told to go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def unary(self, request: bytes, context: Context) -> bytes:
        await context.send_initial_metadata((("before", "1"),))
        await self.go_on.wait()
        return request

    async def download(self, request: bytes, context: Context) -> AsyncIterator[bytes]:
        await context.send_initial_metadata((("before", "1"),))
        await self.go_on.wait()
        yield request

    async def upload(self, requests: AsyncIterator[bytes], _: Context) -> bytes:
        return b"".join([request async for request in requests])

    async def chat(self, requests: AsyncIterator[bytes], _: Context) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    @property
    def handlers(self) -> Handlers:
        return {
            "unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "download": grpc.unary_stream_rpc_method_handler(self.download),
            "upload": grpc.stream_unary_rpc_method_handler(self.upload),
            "chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }


async def test_a_call_can_be_waited_for_until_it_has_its_connection(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")

        many = download(channel, "download")(b"x")
        await asyncio.wait_for(many.wait_for_connection(), timeout=10)
        sent = upload(channel, "upload")()
        await asyncio.wait_for(sent.wait_for_connection(), timeout=10)
        both = chat(channel, "chat")()
        await asyncio.wait_for(both.wait_for_connection(), timeout=10)
        one = unary(channel, "unary")(b"x")
        waiting = asyncio.create_task(one.wait_for_connection())
        await settle()
        assert not waiting.done(), "a unary call is waited for to its end"
        house.go_on.set()

        await waiting
        assert await one == b"x"
        assert await all_of(many) == [b"x"]
        for call in (sent, both):
            call.cancel()


async def test_waiting_for_the_connection_of_a_failed_call_raises(world: World) -> None:
    async with world.serving(House().handlers) as served:
        channel = served.connect("ann")
        await served.stop()

        for call in (
            unary(channel, "unary")(b""),
            upload(channel, "upload")(iter([b""])),
            chat(channel, "chat")(),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call.wait_for_connection()
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_write_waits_for_the_connection(world: World) -> None:
    async with world.serving(House().handlers) as served:
        channel = served.connect("ann")
        served.network.link("ann").stall()

        call = upload(channel, "upload")()
        writing = asyncio.create_task(call.write(b"x"))
        await settle()
        served.network.link("ann").heal()
        await writing
        await call.done_writing()

        assert await call == b"x"


async def test_a_write_that_never_finds_a_connection_fails(world: World) -> None:
    async with world.serving(House().handlers) as served:
        channel = served.connect("ann")
        served.network.link("ann").stall()

        call = upload(channel, "upload")(timeout=0.2)
        writing = asyncio.create_task(call.write(b"x"))

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait([writing], timeout=10)
        assert writing.done()
        writing.exception()
        served.network.link("ann").heal()


async def test_headers_are_known_as_soon_as_they_come(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")
        many = download(channel, "download")(b"x")

        assert list(await many.initial_metadata()) == [("before", "1")]
        assert not many.done()
        house.go_on.set()
        assert await all_of(many) == [b"x"]
        assert list(await many.initial_metadata()) == [("before", "1")]


async def test_a_failed_call_explains_itself_and_a_good_one_does_not(world: World) -> None:
    house = House()
    house.go_on.set()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")

        good, bad = unary(channel, "unary")(b""), unary(channel, "nobody_has_this")(b"")

        assert await good.debug_error_string() == ""
        assert "Method not found!" in await bad.debug_error_string()
        assert good.time_remaining() is None


async def test_a_context_tells_what_it_was_told(world: World) -> None:
    told: list[object] = []

    async def tells(request: bytes, context: Context) -> bytes:
        told.extend([context.code(), context.details(), context.trailing_metadata()])
        context.set_code(grpc.StatusCode.ABORTED)
        context.set_details("because")
        context.set_trailing_metadata((("after", "1"),))
        context.set_compression(grpc.Compression.Gzip)
        context.disable_next_message_compression()
        told.extend([context.code(), context.details(), context.trailing_metadata()])
        context.set_code(grpc.StatusCode.OK)
        return request

    async with world.serving({"it": grpc.unary_unary_rpc_method_handler(tells)}) as served:
        channel = served.connect("ann")

        assert await unary(channel, "it")(b"x") == b"x"

        assert told == [None, "", (), grpc.StatusCode.ABORTED, "because", (("after", "1"),)]


async def test_an_abort_uses_what_was_set_before_it(world: World) -> None:
    async def aborts(_: bytes, context: Context) -> bytes:
        context.set_details("told before")
        context.set_trailing_metadata((("after", "1"),))
        await context.abort(grpc.StatusCode.NOT_FOUND)

    async with world.serving({"it": grpc.unary_unary_rpc_method_handler(aborts)}) as served:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(served.connect("ann"), "it")(b"")

        assert failure(caught.value) == (grpc.StatusCode.NOT_FOUND, "told before")
        assert list(caught.value.trailing_metadata()) == [("after", "1")]


async def test_nobody_aborts_twice_or_writes_afterwards(world: World) -> None:
    raised: list[type[BaseException]] = []

    async def aborts(_: bytes, context: Context) -> bytes:
        attempts: list[Callable[[], Awaitable[None]]] = [
            lambda: context.abort(grpc.StatusCode.NOT_FOUND, "first"),
            lambda: context.abort(grpc.StatusCode.ABORTED, "second"),
            lambda: context.send_initial_metadata(()),
        ]
        for attempt in attempts:
            try:
                await attempt()
            except grpc.aio.BaseError as error:
                raised.append(type(error))
        return b""

    async with world.serving({"it": grpc.unary_unary_rpc_method_handler(aborts)}) as served:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(served.connect("ann"), "it")(b"")

        assert failure(caught.value) == (grpc.StatusCode.NOT_FOUND, "first")
        await until(lambda: len(raised) == 3)
        assert raised == [grpc.aio.AbortError, grpc.aio.UsageError, grpc.aio.AbortError]


async def test_plain_functions_and_generators_will_do_for_handlers(world: World) -> None:
    def answers(request: bytes, _: Any) -> bytes:
        return request

    def counts(request: bytes, _: Any) -> Iterator[bytes]:
        for number in range(int(request)):
            yield b"%d" % number

    handlers: Handlers = {
        "answers": grpc.unary_unary_rpc_method_handler(answers),
        "counts": grpc.unary_stream_rpc_method_handler(counts),
    }
    async with world.serving(handlers) as served:
        channel = served.connect("ann")

        assert await unary(channel, "answers")(b"x") == b"x"
        assert await all_of(download(channel, "counts")(b"3")) == [b"0", b"1", b"2"]


def fails(_: Any) -> Any:
    raise ValueError("neither in nor out")


async def test_a_request_that_cannot_be_serialised_arrives_empty(world: World) -> None:
    house = House()
    house.go_on.set()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")
        call: Any = channel.unary_unary("/squall.Test/unary", request_serializer=fails)

        assert await call(b"x") == b""


async def test_a_response_that_cannot_be_read_is_none(world: World) -> None:
    house = House()
    house.go_on.set()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")
        call: Any = channel.unary_unary("/squall.Test/unary", response_deserializer=fails)

        assert await call(b"x") is None


async def test_a_response_that_cannot_be_serialised_is_unknown(world: World) -> None:
    async def answers(request: bytes, _: Context) -> bytes:
        return request

    handler: Any = grpc.unary_unary_rpc_method_handler(answers, response_serializer=fails)
    async with world.serving({"it": handler}) as served:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(served.connect("ann"), "it")(b"x")

        details = "Unexpected <class 'ValueError'>: neither in nor out"
        assert failure(caught.value) == (grpc.StatusCode.UNKNOWN, details)


async def test_a_channel_is_ready_when_somebody_listens(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")
        await served.stop()
        ready = asyncio.create_task(channel.channel_ready())
        await settle()
        assert not ready.done()

        await served.start(house.handlers)

        await asyncio.wait_for(ready, timeout=20)
        assert channel.get_state() is grpc.ChannelConnectivity.READY


async def test_a_channel_behind_a_stalled_link_is_still_connecting(world: World) -> None:
    async with world.serving(House().handlers) as served:
        channel = served.connect("ann")
        served.network.link("ann").stall()
        ready = asyncio.create_task(channel.channel_ready())
        await settle()
        assert channel.get_state() is grpc.ChannelConnectivity.CONNECTING
        assert not ready.done()

        served.network.link("ann").heal()

        await asyncio.wait_for(ready, timeout=20)
