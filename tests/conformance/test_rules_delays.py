"""Messages that a rule delays, the same in both worlds.

Bodies are bytes here, which is all the same to the rules.
"""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from simulator.network.api import Delay, Direction, Drop, Verdict
from tests.conformance.ruled import House, on, sent
from tests.conformance.worlds import World, all_of, download, settle, unary, upload


async def now_and(call: Any) -> tuple[Any, float]:
    """Return what a call gives, and how long it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await call
    return answer, loop.time() - began


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
