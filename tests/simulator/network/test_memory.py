"""What only the network in memory can do, and how it keeps the sides apart."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from simulator.engine.loop import DeadlockError, VirtualTimeLoop
from simulator.network.memory import MemoryNetwork
from tests.simulator.network.memories import WHOSE, Context, House, code_of, serve, served, unary


async def test_nobody_listens_at_another_address() -> None:
    network = await served(House(), address="director:50051")
    right = network.connect("ann", credentials=None, address="director:50051")
    wrong = network.connect("ann", credentials=None, address="director:1")
    usual = network.connect("ann", credentials=None)

    assert await unary(right, "echo")(b"x") == b"x"
    assert await unary(usual, "echo")(b"x") == b"x"
    assert await code_of(unary(wrong, "echo")(b"x")) is grpc.StatusCode.UNAVAILABLE
    await network.close()


async def test_a_handler_sees_nothing_of_the_context_of_its_caller() -> None:
    network = await served(House())
    channel = network.connect("ann", credentials=None)
    token = WHOSE.set("the caller's")

    whose = await unary(channel, "whose")(b"")

    WHOSE.reset(token)
    assert whose == b"nobody's"
    await network.close()


async def test_every_message_passes_in_the_same_instant() -> None:
    network = await served(House())
    channel = network.connect("ann", credentials=None)

    for number in range(100):
        assert await unary(channel, "echo")(b"%d" % number, timeout=1) == b"%d" % number

    assert asyncio.get_running_loop().time() == 0.0
    await network.close()


async def test_closing_leaves_no_task_behind() -> None:
    network = await served(House())
    channel: Any = network.connect("ann", credentials=None)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b""
            await asyncio.sleep(1)

    unary(channel, "wait")(b"")
    channel.unary_stream("/squall.Test/stream")(b"")
    channel.stream_unary("/squall.Test/nobody")(endless())
    stalled = network.connect("bob", credentials=None)
    network.link("bob").stall()
    unary(stalled, "echo")(b"")
    await asyncio.sleep(1)

    await network.close()
    await asyncio.sleep(1)

    assert network.open_calls() == 0
    assert not network._channels
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert network.server.open_calls == 0


async def test_a_registered_handler_comes_before_a_generic_one() -> None:
    async def other(_: bytes, __: Context) -> bytes:
        return b"registered"

    network = MemoryNetwork(server_credentials=None, now=lambda: 0.0)
    handlers: Any = {"echo": grpc.unary_unary_rpc_method_handler(other)}
    network.server.add_registered_method_handlers("squall.Test", handlers)
    await serve(network, House())

    assert await unary(network.connect("ann", credentials=None), "echo")(b"") == b"registered"
    await network.close()


async def test_stubs_and_handlers_that_disagree_on_the_kind_are_told_so() -> None:
    network = await served(House())
    channel: Any = network.connect("ann", credentials=None)

    with pytest.raises(grpc.aio.AioRpcError, match="disagree"):
        await channel.stream_unary("/squall.Test/echo")(iter([b""]))
    await network.close()


async def test_a_context_that_outlives_its_call_says_so() -> None:
    kept: list[Context] = []

    async def keeps(request: bytes, context: Context) -> bytes:
        kept.append(context)
        return request

    network = MemoryNetwork(server_credentials=None, now=lambda: 0.0)
    handlers: Any = {"it": grpc.unary_unary_rpc_method_handler(keeps)}
    network.server.add_registered_method_handlers("squall.Test", handlers)
    await network.server.start()
    await unary(network.connect("ann", credentials=None), "it")(b"")

    assert kept[0].done()
    with pytest.raises(grpc.aio.UsageError, match="already finished"):
        await kept[0].write(b"")
    await network.close()


async def test_ports_are_told_though_there_are_none() -> None:
    network = MemoryNetwork(server_credentials=None, now=lambda: 0.0)

    assert network.server.add_insecure_port("[::]:4711") == 4711
    assert network.server.add_insecure_port("[::]:0") > 0
    nothing: Any = None
    assert network.server.add_secure_port("[::]:4711", nothing) == 4711


async def test_what_there_is_can_be_printed() -> None:
    network = await served(House())
    channel = network.connect("ann", credentials=None)
    call = unary(channel, "wait")(b"")

    assert "ann" in repr(call)
    assert "pending" in repr(call)
    assert "1 calls" in repr(channel)
    assert "serving" in repr(network)
    call.cancel()
    assert "CANCELLED" in repr(call)
    await network.close()


def test_a_call_that_can_never_be_answered_is_a_deadlock() -> None:
    async def main() -> None:
        network = await served(House())
        channel = network.connect("ann", credentials=None)
        network.link("ann").stall()
        await unary(channel, "echo")(b"")

    with (
        asyncio.Runner(loop_factory=VirtualTimeLoop) as runner,
        pytest.raises(DeadlockError, match="main"),
    ):
        runner.run(main())
