"""Servers in memory that crash, stop and go away, and what becomes of their calls."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from simulator.network.memory import MemoryNetwork
from tests.simulator.network.memories import Context, House, code_of, serve, served, unary


async def test_a_crash_ends_every_call_and_nobody_listens_until_a_new_server_does() -> None:
    house = House()
    network = await served(house)
    channel = network.connect("ann", credentials=None)
    call = asyncio.ensure_future(unary(channel, "wait")(b""))
    await asyncio.sleep(1)

    network.crash()
    network.crash()

    assert await code_of(call) is grpc.StatusCode.UNAVAILABLE
    assert await code_of(unary(channel, "echo")(b"")) is grpc.StatusCode.UNAVAILABLE
    await asyncio.sleep(1)
    assert house.seen == ["began", "CancelledError"]
    network.attach()
    assert await code_of(unary(channel, "echo")(b"")) is grpc.StatusCode.UNAVAILABLE
    await serve(network, house)
    assert await unary(channel, "echo")(b"back") == b"back"
    assert network.link("ann").connection == 2
    await network.close()


async def test_a_handler_that_outlives_its_server_is_not_heard() -> None:
    house = House()
    network = await served(house)
    channel: Any = network.connect("ann", credentials=None)
    call = channel.unary_stream("/squall.Test/stream")(b"")
    assert await call.read() == b"first"

    network.crash()
    await asyncio.sleep(1)

    assert house.seen == ["Server already stopped."]
    assert await code_of(call.read()) is grpc.StatusCode.UNAVAILABLE
    await network.close()


async def test_a_crash_behind_a_stalled_link_is_not_noticed_until_it_heals() -> None:
    network = await served(House())
    channel = network.connect("ann", credentials=None)
    call = asyncio.ensure_future(unary(channel, "wait")(b""))
    await asyncio.sleep(1)

    network.link("ann").stall()
    network.crash()
    await asyncio.sleep(60)
    assert not call.done()
    network.link("ann").heal()

    assert await code_of(call) is grpc.StatusCode.UNAVAILABLE
    await network.close()


async def test_a_server_that_ends_tells_who_waits_for_it() -> None:
    network = await served(House())

    assert await network.server.wait_for_termination(timeout=5)
    await network.server.stop(None)
    assert not await network.server.wait_for_termination(timeout=5)
    with pytest.raises(grpc.aio.UsageError):
        await network.server.start()


async def test_a_call_that_reaches_a_server_going_away_is_unavailable() -> None:
    house = House()
    network = await served(house)
    busy = network.connect("bob", credentials=None)
    call = asyncio.ensure_future(unary(busy, "wait")(b""))
    channel = network.connect("ann", credentials=None)
    await unary(channel, "echo")(b"")
    network.link("ann").stall()
    late = asyncio.ensure_future(unary(channel, "echo")(b""))

    stopping = asyncio.create_task(network.server.stop(10))
    await asyncio.sleep(1)
    network.link("ann").heal()

    assert await code_of(late) is grpc.StatusCode.UNAVAILABLE
    await stopping
    assert await code_of(call) is grpc.StatusCode.UNAVAILABLE
    await network.close()


async def test_a_handler_that_will_not_be_cancelled_holds_up_nothing_but_the_stop() -> None:
    ended: list[float] = []

    async def stubborn(_: bytes, context: Context) -> bytes:
        for _attempt in range(3):
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                with pytest.raises(grpc.aio.InternalError):
                    await context.write(b"nobody listens")
        ended.append(asyncio.get_running_loop().time())
        return b""

    network = MemoryNetwork(server_credentials=None, now=lambda: 0.0)
    handlers: Any = {"it": grpc.unary_unary_rpc_method_handler(stubborn)}
    network.server.add_registered_method_handlers("squall.Test", handlers)
    await network.server.start()
    channel = network.connect("ann", credentials=None)

    assert await code_of(unary(channel, "it")(b"", timeout=1)) is grpc.StatusCode.DEADLINE_EXCEEDED
    await channel.close()
    await network.close()

    assert ended == [201.0]


async def test_a_handler_that_answers_after_a_crash_is_not_heard() -> None:
    ended: list[str] = []

    async def slow(_: bytes, __: Context) -> bytes:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            ended.append("cancelled")
        return b"too late"

    async def breaks(_: bytes, __: Context) -> bytes:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append("broken")
            raise ValueError("in its last moments")

    network = MemoryNetwork(server_credentials=None, now=lambda: 0.0)
    handlers: Any = {
        "slow": grpc.unary_unary_rpc_method_handler(slow),
        "breaks": grpc.unary_unary_rpc_method_handler(breaks),
    }
    network.server.add_registered_method_handlers("squall.Test", handlers)
    await network.server.start()
    channel = network.connect("ann", credentials=None)
    calls = [asyncio.ensure_future(unary(channel, name)(b"")) for name in handlers]
    await asyncio.sleep(1)

    network.crash()

    for call in calls:
        assert await code_of(call) is grpc.StatusCode.UNAVAILABLE
    await asyncio.sleep(1)
    assert ended == ["cancelled", "broken"]
    await network.close()
