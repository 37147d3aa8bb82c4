"""Links that stall and heal, as both sides see them."""

import asyncio

import grpc
import pytest

from tests.conformance.linked import House, code_of, connected, rest_of
from tests.conformance.worlds import World, download, settle, unary, until, upload


async def test_a_call_made_while_the_link_is_stalled_arrives_when_it_heals(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        link = served.network.link("ann")
        house.seen.clear()

        link.stall()
        call = asyncio.ensure_future(unary(channel, "echo")(b"held"))
        await settle()
        assert house.seen == []
        assert not call.done()
        link.heal()

        assert await call == b"held"
        assert house.seen == ["echo"]


async def test_the_first_connection_waits_for_the_link_too(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")
        link = served.network.link("ann")
        link.stall()

        call = asyncio.ensure_future(unary(channel, "echo")(b"first", timeout=10))
        await settle()
        assert house.seen == []
        link.heal()

        assert await call == b"first"


@pytest.mark.parametrize("one_way", [False, True])
async def test_an_answer_is_held_until_the_link_heals(world: World, *, one_way: bool) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        link = served.network.link("ann")
        call = asyncio.ensure_future(unary(channel, "wait")(b"x"))
        await until(lambda: "wait began" in house.seen)

        link.stall(towards_director=not one_way)
        house.go_on.set()
        await until(lambda: "wait ended" in house.seen)
        await settle()
        assert not call.done()
        link.heal()

        assert await call == b"x"


async def test_what_goes_the_other_way_still_arrives_where_only_one_way_is_stalled(
    world: World,
) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        house.seen.clear()
        link = served.network.link("ann")

        link.stall(towards_director=False)
        call = asyncio.ensure_future(unary(channel, "echo")(b"x"))
        await until(lambda: house.seen == ["echo"])
        await settle()
        assert not call.done()
        link.heal()

        assert await call == b"x"


async def test_a_deadline_fires_on_a_stalled_link(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        link = served.network.link("ann")
        house.seen.clear()

        link.stall()
        assert await code_of(unary(channel, "wait")(b"", timeout=0.2)) is (
            grpc.StatusCode.DEADLINE_EXCEEDED
        )
        await settle()
        assert house.seen == []
        link.heal()
        await settle()

        # It arrives together with its own cancellation, and may not even begin.
        assert house.seen in ([], ["wait began", "CancelledError"])
        assert await unary(channel, "echo")(b"again") == b"again"


async def test_a_server_keeps_the_deadlines_of_the_calls_that_it_has(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        house.seen.clear()
        call = unary(channel, "wait")(b"", timeout=0.5)
        await until(lambda: house.seen == ["wait began"])

        served.network.link("ann").stall()

        assert await code_of(call) is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: house.seen == ["wait began", "CancelledError"])


async def test_a_cancellation_is_held_until_the_link_heals(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        house.seen.clear()
        link = served.network.link("ann")
        call = unary(channel, "wait")(b"")
        await until(lambda: house.seen == ["wait began"])

        link.stall()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await settle()
        assert house.seen == ["wait began"]
        link.heal()

        await until(lambda: house.seen == ["wait began", "CancelledError"])


async def test_a_client_that_dies_behind_a_stalled_link_is_not_missed_until_it_heals(
    world: World,
) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        house.seen.clear()
        link = served.network.link("ann")
        unary(channel, "wait")(b"")
        await until(lambda: house.seen == ["wait began"])

        link.stall()
        await channel.close()
        await settle()
        assert house.seen == ["wait began"]
        link.heal()

        await until(lambda: house.seen == ["wait began", "CancelledError"])


async def test_a_stream_goes_on_where_it_stood_when_the_link_heals(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        link = served.network.link("ann")
        call = download(channel, "count")(b"10")
        assert await call.read() == b"0"

        link.stall()
        await until(lambda: "count ended" in house.seen)
        link.heal()

        assert await rest_of(call) == [b"%d" % number for number in range(1, 10)]


async def test_requests_and_their_end_are_held_in_order(world: World) -> None:
    house = House()
    house.go_on.set()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        link = served.network.link("ann")
        call = upload(channel, "receive")()
        await call.write(b"0")
        await until(lambda: house.got == [b"0"])

        link.stall()
        for number in range(1, 5):
            await call.write(b"%d" % number)
        await call.done_writing()
        await settle()
        assert house.got == [b"0"]
        link.heal()

        assert await call == b"5"
        assert house.got == [b"%d" % number for number in range(5)]


async def test_a_stalled_link_does_not_hold_up_others(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        await connected(served, "ann")
        other = await connected(served, "bob")

        served.network.link("ann").stall()

        assert await unary(other, "echo")(b"x", timeout=10) == b"x"
        served.network.link("ann").heal()


async def test_a_call_that_ends_before_it_could_be_sent_never_arrives(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")
        link = served.network.link("ann")
        link.stall()

        assert await code_of(unary(channel, "wait")(b"", timeout=0.2)) is (
            grpc.StatusCode.DEADLINE_EXCEEDED
        )
        cancelled = unary(channel, "wait")(b"")
        await settle()
        cancelled.cancel()
        link.heal()
        await unary(channel, "echo")(b"", wait_for_ready=True, timeout=30)

        assert house.seen == ["echo"]


async def test_a_refusal_behind_a_stalled_link_is_told_when_it_heals(world: World) -> None:
    async with world.serving(House().handlers) as served:
        channel = served.connect("ann")
        link = served.network.link("ann")
        link.stall()
        call = asyncio.ensure_future(unary(channel, "echo")(b""))
        await settle()
        await served.stop()
        await settle()
        assert not call.done()

        link.heal()

        assert await code_of(call) is grpc.StatusCode.UNAVAILABLE


async def test_an_answer_that_comes_after_its_call_has_ended_is_thrown_away(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        link = served.network.link("ann")
        call = unary(channel, "wait")(b"x")
        many = download(channel, "count")(b"3")
        await until(lambda: "wait began" in house.seen)
        link.stall(towards_director=False)
        house.go_on.set()
        await until(lambda: {"wait ended", "count ended"} <= set(house.seen))

        call.cancel()
        many.cancel()
        link.heal()
        await settle()

        assert call.cancelled()
        assert many.cancelled()
        assert list(await call.trailing_metadata()) == []
        assert await unary(channel, "echo")(b"next") == b"next"
