"""Messages that a rule duplicates or replaces, the same in both worlds.

Bodies are bytes here, which is all the same to the rules.
"""

from typing import Any, cast

import grpc
import pytest

from simulator.network.api import Direction, Duplicate, Replace
from tests.conformance.ruled import House, on, sent
from tests.conformance.worlds import World, all_of, download, unary, until, upload


def with_bodies(*bodies: bytes, ends_stream: bool = False) -> Replace:
    return Replace(cast("Any", bodies), ends_stream=ends_stream)


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
