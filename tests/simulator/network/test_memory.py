"""What only the network in memory can do, and how it keeps the sides apart."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio
import pytest

from simulator.engine.loop import DeadlockError, VirtualTimeLoop
from simulator.network.memory import MemoryNetwork

Context = grpc.aio.ServicerContext[Any, Any]

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")


class House:
    """Handlers that tell what becomes of them."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def echo(self, request: bytes, _: Context) -> bytes:
        return request

    async def wait(self, _: bytes, __: Context) -> bytes:
        self.seen.append("began")
        try:
            await asyncio.sleep(3_600)
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        return b""

    async def stream(self, _: bytes, context: Context) -> AsyncIterator[bytes]:
        yield b"first"
        try:
            await asyncio.sleep(3_600)
        finally:
            try:
                await context.write(b"last words")
            except grpc.aio.BaseError as error:
                self.seen.append(str(error))

    async def whose(self, _: bytes, __: Context) -> bytes:
        return WHOSE.get().encode()


async def serve(network: MemoryNetwork, house: House) -> None:
    handlers: Any = {
        "echo": grpc.unary_unary_rpc_method_handler(house.echo),
        "wait": grpc.unary_unary_rpc_method_handler(house.wait),
        "whose": grpc.unary_unary_rpc_method_handler(house.whose),
        "stream": grpc.unary_stream_rpc_method_handler(house.stream),
    }
    network.server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("squall.Test", handlers),)
    )
    await network.server.start()


async def served(house: House, **options: Any) -> MemoryNetwork:
    network = MemoryNetwork(server_credentials=None, now=lambda: 0.0, **options)
    await serve(network, house)
    return network


def unary(channel: grpc.aio.Channel, name: str) -> Any:
    return channel.unary_unary(f"/squall.Test/{name}")


async def code_of(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()


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


async def test_a_server_that_ends_tells_who_waits_for_it() -> None:
    network = await served(House())

    assert await network.server.wait_for_termination(timeout=5)
    await network.server.stop(None)
    assert not await network.server.wait_for_termination(timeout=5)
    with pytest.raises(grpc.aio.UsageError):
        await network.server.start()


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
