"""What rules do to messages, the same in both worlds.

Bodies are bytes here, which is all the same to the rules.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any, cast

import grpc
import grpc.aio
import pytest

from simulator.network import calls
from simulator.network.api import (
    PASS,
    Delay,
    Direction,
    Drop,
    Duplicate,
    Message,
    Reject,
    Replace,
    Verdict,
)
from tests.conformance.worlds import (
    Served,
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

UNAVAILABLE = Reject(grpc.StatusCode.UNAVAILABLE, "lost")


class House:
    """Handlers of all kinds that tell what becomes of them."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def echo(self, request: bytes, _: Context) -> bytes:
        self.seen.append(f"echo {request!r}")
        return request

    async def wait(self, _: bytes, __: Context) -> bytes:
        self.seen.append("wait")
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        return b""

    async def count(self, request: bytes, _: Context) -> AsyncIterator[bytes]:
        try:
            for number in range(int(request)):
                yield b"%d" % number
                await asyncio.sleep(0)
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        self.seen.append("counted")

    async def receive(self, requests: AsyncIterator[bytes], _: Context) -> bytes:
        try:
            got = [request async for request in requests]
            self.seen.append("received")
            await asyncio.sleep(0.05)
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        return b" ".join(got)

    async def chat(self, requests: AsyncIterator[bytes], _: Context) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    @property
    def handlers(self) -> dict[str, Any]:
        return {
            "echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "wait": grpc.unary_unary_rpc_method_handler(self.wait),
            "count": grpc.unary_stream_rpc_method_handler(self.count),
            "receive": grpc.stream_unary_rpc_method_handler(self.receive),
            "chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }


def on(
    served: Served, direction: Direction, verdict: Verdict, *, index: int | None = None
) -> AbstractContextManager[None]:
    """Let a verdict befall the messages of a direction, all of them or the one of that index."""

    def rule(message: Message) -> Verdict:
        hit = message.direction is direction and index in {None, message.index}
        return verdict if hit else PASS

    return served.network.rules.applied(rule)


def with_bodies(*bodies: bytes, ends_stream: bool = False) -> Replace:
    return Replace(cast("Any", bodies), ends_stream=ends_stream)


async def sent(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"%d" % number


async def now_and(call: Any) -> tuple[Any, float]:
    """Return what a call gives, and how long it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await call
    return answer, loop.time() - began


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


# ---------------------------------------------------------------- delay


async def test_delays_of_both_directions_add_up(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, Delay(0.2)), on(served, Direction.RESPONSE, Delay(0.1)):
            answer, took_s = await now_and(unary(channel, "echo")(b"x"))

        assert answer == b"x"
        assert 0.3 <= took_s + 1e-9 < 3


async def test_a_stream_delayed_alike_is_late_only_once(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.RESPONSE, Delay(0.3)):
            answers, took_s = await now_and(all_of(download(channel, "count")(b"10")))
        assert answers == [b"%d" % number for number in range(10)]
        assert 0.3 <= took_s + 1e-9 < 2

        with on(served, Direction.REQUEST, Delay(0.3)):
            answer, took_s = await now_and(upload(channel, "receive")(sent(10)))
        assert answer == b"0 1 2 3 4 5 6 7 8 9"
        assert 0.3 <= took_s + 1e-9 < 2


async def test_nothing_overtakes_a_delayed_message(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.RESPONSE, Delay(0.2), index=1):
            answers, took_s = await now_and(all_of(download(channel, "count")(b"4")))

        assert answers == [b"0", b"1", b"2", b"3"]
        assert took_s + 1e-9 >= 0.2


@pytest.mark.parametrize("direction", [Direction.REQUEST, Direction.RESPONSE])
async def test_a_deadline_fires_while_a_message_is_delayed(
    judged_world: World, direction: Direction
) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, direction, Delay(60)):
            for call in (
                lambda: unary(channel, "echo")(b"x", timeout=0.2),
                lambda: all_of(download(channel, "count")(b"3", timeout=0.2)),
                lambda: upload(channel, "receive")(sent(3), timeout=0.2),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call()
                assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

        assert served.network.open_calls() == 0


@pytest.mark.parametrize("direction", [Direction.REQUEST, Direction.RESPONSE])
@pytest.mark.parametrize("verdict", [Delay(60), Drop()])
async def test_a_call_can_be_cancelled_while_a_message_is_delayed_or_dropped(
    judged_world: World, direction: Direction, verdict: Verdict
) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, direction, verdict):
            pending = [
                unary(channel, "echo")(b"x"),
                download(channel, "count")(b"3"),
                upload(channel, "receive")(sent(3)),
            ]
            waiting = [
                asyncio.ensure_future(pending[0]),
                asyncio.ensure_future(all_of(pending[1])),
                asyncio.ensure_future(pending[2]),
            ]
            await settle()
            assert not any(one.done() for one in waiting)
            for call in pending:
                assert call.cancel()
            results = await asyncio.gather(*waiting, return_exceptions=True)

        assert [type(result) for result in results] == [asyncio.CancelledError] * 3
        assert all(call.cancelled() for call in pending)
        assert served.network.open_calls() == 0


@pytest.mark.parametrize("direction", [Direction.REQUEST, Direction.RESPONSE])
async def test_whoever_awaits_a_delayed_call_can_be_cancelled(
    judged_world: World, direction: Direction
) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, direction, Delay(60)):
            call = unary(channel, "echo")(b"x")
            many = download(channel, "count")(b"3")
            for awaited in (call, many.read()):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(awaited, timeout=0.2)

        assert call.cancelled()
        assert many.cancelled()


async def test_whoever_writes_where_the_way_is_full_can_be_cancelled(judged_world: World) -> None:
    async def write_for_ever(call: Any) -> None:
        while True:
            await call.write(b"x")

    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, Delay(60)):
            call = upload(channel, "receive")()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(write_for_ever(call), timeout=0.2)

        assert call.cancelled()


# ---------------------------------------------------------------- drop and reject


async def test_a_dropped_request_never_arrives(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, Drop()), pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "echo")(b"x", timeout=0.2)

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert house.seen == []


async def test_a_dropped_response_leaves_the_call_hanging(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.RESPONSE, Drop()), pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "echo")(b"x", timeout=0.3)

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert house.seen == ["echo b'x'"]


async def test_nothing_follows_a_dropped_message_in_its_direction(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.RESPONSE, Drop(), index=1):
            call = download(channel, "count")(b"4", timeout=0.3)
            assert await call.read() == b"0"
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call.read()
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

        with (
            on(served, Direction.REQUEST, Drop(), index=1),
            pytest.raises(grpc.aio.AioRpcError) as caught,
        ):
            await upload(channel, "receive")(sent(4), timeout=0.3)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: house.seen[-2:] == ["received", "CancelledError"])


async def test_a_rejected_request_ends_the_call_with_that_status(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, UNAVAILABLE):
            for call in (
                lambda: unary(channel, "echo")(b"x"),
                lambda: all_of(download(channel, "count")(b"3")),
                lambda: upload(channel, "receive")(sent(3)),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call()
                assert failure(caught.value) == (grpc.StatusCode.UNAVAILABLE, "lost")
        await settle()

        assert [one for one in house.seen if one not in {"received", "CancelledError"}] == []


async def test_a_rejected_response_ends_the_call_with_that_status(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.RESPONSE, UNAVAILABLE):
            for call in (
                lambda: unary(channel, "echo")(b"x"),
                lambda: all_of(download(channel, "count")(b"3")),
                lambda: upload(channel, "receive")(sent(3)),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call()
                assert failure(caught.value) == (grpc.StatusCode.UNAVAILABLE, "lost")

        assert house.seen[0] == "echo b'x'"
        assert house.seen[-1] == "received"


async def test_a_stream_rejected_in_its_middle_is_cancelled_at_the_server(
    judged_world: World,
) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.RESPONSE, UNAVAILABLE, index=2):
            call = download(channel, "count")(b"1000000000")
            assert [await call.read(), await call.read()] == [b"0", b"1"]
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call.read()
        assert failure(caught.value) == (grpc.StatusCode.UNAVAILABLE, "lost")
        assert await call.code() is grpc.StatusCode.UNAVAILABLE
        await until(lambda: house.seen in (["CancelledError"], ["GeneratorExit"]))

        house.seen.clear()
        with (
            on(served, Direction.REQUEST, UNAVAILABLE, index=2),
            pytest.raises(grpc.aio.AioRpcError) as caught,
        ):
            await upload(channel, "receive")(sent(4))
        assert failure(caught.value) == (grpc.StatusCode.UNAVAILABLE, "lost")
        await until(lambda: house.seen[-1:] == ["CancelledError"])


async def test_a_status_may_be_asked_for_without_awaiting_the_call(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        ended: list[object] = []
        with on(served, Direction.RESPONSE, UNAVAILABLE):
            call = unary(channel, "echo")(b"x")
            call.add_done_callback(ended.append)

            assert await call.code() is grpc.StatusCode.UNAVAILABLE
            assert await call.details() == "lost"

        assert ended == [call]
        assert list(await call.trailing_metadata()) == []
        assert list(await call.initial_metadata()) == []


# ---------------------------------------------------------------- duplicate


@pytest.mark.parametrize("direction", [Direction.REQUEST, Direction.RESPONSE])
async def test_a_duplicated_unary_call_is_made_twice_and_answered_once(
    judged_world: World, direction: Direction
) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, direction, Duplicate()):
            assert await unary(channel, "echo")(b"x") == b"x"
            await until(lambda: house.seen == ["echo b'x'"] * 2)
        await until(lambda: served.network.open_calls() == 0)


async def test_the_second_call_ends_with_the_channel(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, Duplicate()):
            call = unary(channel, "wait")(b"")
            await until(lambda: house.seen == ["wait"] * 2)
            call.cancel()
            await until(lambda: house.seen == ["wait", "wait", "CancelledError"])
            assert served.network.open_calls() == 1

        await channel.close()

        await until(lambda: house.seen == ["wait"] * 2 + ["CancelledError"] * 2)
        assert served.network.open_calls() == 0


async def test_a_duplicated_download_is_made_twice_and_both_run_to_their_end(
    judged_world: World,
) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, Duplicate()):
            assert len(await all_of(download(channel, "count")(b"500"))) == 500
        await until(lambda: house.seen == ["counted"] * 2)
        await until(lambda: served.network.open_calls() == 0)


async def test_a_duplicated_streamed_message_arrives_twice(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, Duplicate(), index=1):
            assert await upload(channel, "receive")(sent(3)) == b"0 1 1 2"
        with on(served, Direction.RESPONSE, Duplicate(), index=1):
            assert await all_of(download(channel, "count")(b"3")) == [b"0", b"1", b"1", b"2"]


# ---------------------------------------------------------------- replace


async def test_a_replaced_message_arrives_as_the_other(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, with_bodies(b"forged")):
            assert await unary(channel, "echo")(b"x") == b"forged"
        with on(served, Direction.RESPONSE, with_bodies(b"forged")):
            assert await unary(channel, "echo")(b"y") == b"forged"

        assert house.seen == ["echo b'forged'", "echo b'y'"]


async def test_a_unary_message_cannot_be_replaced_by_several(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with (
            on(served, Direction.REQUEST, with_bodies(b"1", b"2")),
            pytest.raises(ValueError, match="not streamed"),
        ):
            await unary(channel, "echo")(b"x")
        with (
            on(served, Direction.RESPONSE, with_bodies()),
            pytest.raises(ValueError, match="not streamed"),
        ):
            await unary(channel, "echo")(b"x")


@pytest.mark.parametrize(
    ("bodies", "arrives"),
    [((), b"0 2 3"), ((b"a",), b"0 a 2 3"), ((b"a", b"b"), b"0 a b 2 3")],
)
async def test_a_streamed_message_may_be_replaced_by_none_or_several(
    judged_world: World, bodies: tuple[bytes, ...], arrives: bytes
) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, with_bodies(*bodies), index=1):
            assert await upload(channel, "receive")(sent(4)) == arrives
        with on(served, Direction.RESPONSE, with_bodies(*bodies), index=1):
            assert b" ".join(await all_of(download(channel, "count")(b"4"))) == arrives


async def test_a_replacement_may_end_the_stream_in_good_order(judged_world: World) -> None:
    house = House()
    async with judged_world.serving(house.handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, with_bodies(b"last", ends_stream=True), index=2):
            assert await upload(channel, "receive")(sent(100)) == b"0 1 last"
            assert house.seen == ["received"]
            written = upload(channel, "receive")()
            for _ in range(100):
                await written.write(b"x")
            await written.done_writing()
            assert await written == b"x x last"

        with on(served, Direction.RESPONSE, with_bodies(b"last", ends_stream=True), index=2):
            call = download(channel, "count")(b"1000000000")
            assert await all_of(call) == [b"0", b"1", b"last"]
            assert await call.code() is grpc.StatusCode.OK


async def test_an_upload_may_be_cut_to_nothing(judged_world: World) -> None:
    async with judged_world.serving(House().handlers) as served:
        channel = served.connect("ann")
        with on(served, Direction.REQUEST, with_bodies(ends_stream=True), index=0):
            assert await upload(channel, "receive")(sent(3)) == b""


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
