"""Messages that a rule drops or rejects, the same in both worlds.

Bodies are bytes here, which is all the same to the rules.
"""

import grpc
import grpc.aio
import pytest

from simulator.network.api import Direction, Drop
from tests.conformance.ruled import UNAVAILABLE, House, on, sent
from tests.conformance.worlds import World, all_of, download, failure, settle, unary, until, upload


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
