"""What rules are told of messages and leave alone, the same in both worlds.

Bodies are bytes here, which is all the same to the rules.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

from simulator.network import calls
from simulator.network.api import PASS, Delay, Direction, Message, Verdict
from tests.conformance.ruled import UNAVAILABLE, Context, House, on, sent
from tests.conformance.worlds import World, all_of, chat, download, settle, unary, until, upload

# ---------------------------------------------------------------- what a rule is told


async def test_a_rule_is_told_whose_message_it_is(judged_world: World) -> None:
    told: list[tuple[object, ...]] = []

    def note(message: Message) -> Verdict:
        told.append(
            (message.actor, message.method, message.direction.value, message.index, message.call)
        )
        return PASS

    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with served.network.rules.applied(note):
            token = calls.current.set(7)
            await unary(channel, "echo")(b"x")
            calls.current.reset(token)
            await upload(channel, "receive")(sent(2))
            await all_of(download(channel, "count")(b"2"))

        assert told == [
            ("ann", "echo", "request", 0, 7),
            ("ann", "echo", "response", 0, 7),
            ("ann", "receive", "request", 0, -1),
            ("ann", "receive", "request", 1, -1),
            ("ann", "receive", "response", 0, -1),
            ("ann", "count", "request", 0, -1),
            ("ann", "count", "response", 0, -1),
            ("ann", "count", "response", 1, -1),
        ]


async def test_a_rule_that_comes_while_a_call_waits_judges_its_response(
    judged_world: World,
) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        call = unary(channel, "echo")(b"x")

        with on(served, Direction.RESPONSE, UNAVAILABLE), pytest.raises(grpc.aio.AioRpcError):
            await call


async def test_a_rule_that_comes_in_the_middle_of_a_stream_finds_its_place(
    judged_world: World,
) -> None:
    indexes: list[int] = []

    def note(message: Message) -> Verdict:
        indexes.append(message.index)
        return PASS

    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        call = chat(channel, "chat")()
        await call.write(b"a")
        assert await call.read() == b"a"
        many = download(channel, "count")(b"3")
        assert await many.read() == b"0"

        with served.network.rules.applied(note):
            assert await many.read() == b"1"
            assert await many.read() == b"2"
        assert await many.read() is grpc.aio.EOF
        call.cancel()

        assert indexes == [1, 2]


async def test_calls_under_way_are_counted(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        pending = [unary(channel, "wait")(b"") for _ in range(3)]
        await until(lambda: house.seen == ["wait"] * 3)
        assert served.network.open_calls() == 3

        for call in pending:
            call.cancel()

        assert served.network.open_calls() == 0


# ---------------------------------------------------------------- in all weathers


def weather(seconds: float) -> Callable[[Message], Verdict]:
    return lambda _: Delay(seconds)


async def test_an_error_status_passes_the_rules(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with served.network.rules.applied(weather(0.01)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await unary(channel, "nobody_has_this")(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await all_of(download(channel, "count")(b"not a number"))
            assert caught.value.code() is grpc.StatusCode.UNKNOWN


async def test_writing_and_reading_work_under_rules(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with served.network.rules.applied(weather(0.01)):
            call = chat(channel, "chat")()
            for number in range(5):
                await call.write(b"%d" % number)
                assert await call.read() == b"%d" % number
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
            assert await call.code() is grpc.StatusCode.OK
            assert await all_of(chat(channel, "chat")(sent(3))) == [b"0", b"1", b"2"]


async def test_an_upload_whose_iterator_raises_is_cancelled_under_rules(
    judged_world: World,
) -> None:
    house = House()

    async def breaks() -> AsyncIterator[bytes]:
        yield b"first"
        raise ValueError("the client's own trouble")

    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with served.network.rules.applied(weather(0.05)):
            with pytest.raises(asyncio.CancelledError):
                await upload(channel, "receive")(breaks())
            await until(lambda: house.seen[-1:] == ["CancelledError"])


async def test_a_slow_reader_holds_up_the_handler_under_rules(judged_world: World) -> None:
    yielded = 0

    async def floods(_: bytes, __: Context) -> AsyncIterator[bytes]:
        nonlocal yielded
        for _number in range(200):
            yield bytes(1_000_000)
            yielded += 1

    async with judged_world.serving({"it": grpc.unary_stream_rpc_method_handler(floods)}) as served:
        channel = served.connect("ann")
        with served.network.rules.applied(weather(0.001)):
            call = download(channel, "it")(b"")
            await call.read()
            await settle()
            assert yielded < 100
            assert len(await all_of_read(call)) == 199


async def all_of_read(call: Any) -> list[bytes]:
    responses = []
    while (response := await call.read()) is not grpc.aio.EOF:
        responses.append(response)
    return responses
