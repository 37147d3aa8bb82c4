"""Connections that are cut, stranded, closed or never made, as both sides see them."""

import asyncio

import grpc
import pytest

from tests.conformance.linked import House, code_of, connected, rest_of
from tests.conformance.worlds import World, download, settle, unary, until, upload


async def test_a_cut_ends_the_calls_under_way_on_both_sides(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        house.seen.clear()
        one = unary(channel, "wait")(b"")
        many = download(channel, "count")(b"100000")
        assert await many.read() == b"0"
        sent = upload(channel, "receive")()
        await sent.write(b"half")
        await until(lambda: house.got and house.seen == ["wait began"])
        await settle()

        served.network.link("ann").cut()

        assert await code_of(one) is grpc.StatusCode.UNAVAILABLE
        assert await code_of(sent) is grpc.StatusCode.UNAVAILABLE
        assert await code_of(rest_of(many)) is grpc.StatusCode.UNAVAILABLE
        await until(lambda: {"CancelledError", "receive ended"} <= set(house.seen))
        assert "count ended" not in house.seen


async def test_a_cut_link_connects_anew(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        link = served.network.link("ann")
        assert link.connection == 1
        channel = await connected(served)
        assert link.connection == 1

        link.cut()
        assert link.connection == 2, "of the call that is about to be made"
        await settle()
        assert await unary(channel, "echo")(b"x", wait_for_ready=True, timeout=10) == b"x"
        assert link.connection == 2
        link.cut()

        assert link.connection == 3


async def test_a_stranded_connection_is_over_for_the_client_alone(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        link = served.network.link("ann")
        lost = unary(channel, "wait")(b"")
        await until(lambda: "wait began" in house.seen)

        tell = link.strand()
        assert await code_of(lost) is grpc.StatusCode.UNAVAILABLE
        await settle()
        assert "CancelledError" not in house.seen
        assert await unary(channel, "echo")(b"x", wait_for_ready=True, timeout=10) == b"x"
        assert link.connection == 2
        tell()

        await until(lambda: "CancelledError" in house.seen)
        assert await unary(channel, "echo")(b"y", timeout=10) == b"y"


async def test_what_a_stranded_handler_answers_reaches_nobody(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        lost = unary(channel, "wait")(b"late")
        await until(lambda: "wait began" in house.seen)

        tell = served.network.link("ann").strand()
        house.go_on.set()
        await until(lambda: "wait ended" in house.seen)

        assert await code_of(lost) is grpc.StatusCode.UNAVAILABLE
        tell()


async def test_a_link_that_is_cut_while_stalled_stays_stalled(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = await connected(served)
        link = served.network.link("ann")
        house.seen.clear()

        link.stall()
        lost = asyncio.ensure_future(unary(channel, "echo")(b"lost"))
        await settle()
        link.cut()
        assert await code_of(lost) is grpc.StatusCode.UNAVAILABLE
        # At the very moment of the reset, a call may still choose the connection that dies.
        await settle()
        call = asyncio.ensure_future(
            unary(channel, "echo")(b"held", wait_for_ready=True, timeout=10)
        )
        await settle()
        assert house.seen == []
        link.heal()

        assert await call == b"held"
        assert house.seen == ["echo"], "what was under way when it was cut is lost"


async def test_a_closed_channel_is_followed_by_another_connection(world: World) -> None:
    async with world.serving(House().handlers) as served:
        link = served.network.link("ann")
        first = await connected(served)
        await first.close()
        await settle()
        assert link.connection == 2

        await connected(served)

        assert link.connection == 2
        assert served.network.link("bob").connection == 1


async def test_a_cut_ends_connections_that_are_still_being_made(world: World) -> None:
    house = House()
    async with world.serving(house.handlers) as served:
        channel = served.connect("ann")
        link = served.network.link("ann")
        link.stall()
        call = asyncio.ensure_future(unary(channel, "echo")(b"lost"))
        await settle()

        link.cut()

        assert await code_of(call) is grpc.StatusCode.UNAVAILABLE
        link.heal()
        await settle()
        assert house.seen == []


async def test_a_call_that_waits_for_a_server_can_be_cancelled(world: World) -> None:
    async with world.serving(House().handlers) as served:
        channel = served.connect("ann")
        await served.stop()
        call = unary(channel, "echo")(b"", wait_for_ready=True)
        await settle()

        assert call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(1.2)
