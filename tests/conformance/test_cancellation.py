"""Deadlines and cancellations of unary calls, as both sides see them."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.worlds import World, settle, unary, until

Handler = grpc.unary_unary_rpc_method_handler
Context = grpc.aio.ServicerContext[Any, Any]


class Parked:
    """A handler that waits, and tells what becomes of it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.go_on = asyncio.Event()

    async def wait(self, request: bytes, _: Context) -> bytes:
        self.seen.append("began")
        try:
            await self.go_on.wait()
        except BaseException as error:
            self.seen.append(type(error).__name__)
            raise
        self.seen.append("went on")
        return request

    @property
    def handlers(self) -> dict[str, Any]:
        return {"wait": Handler(self.wait)}


async def test_a_deadline_ends_the_call_and_cancels_the_handler(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")

        call = unary(channel, "wait")(b"", timeout=0.3)
        remaining = call.time_remaining()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        await until(lambda: parked.seen == ["began", "CancelledError"])

        assert 0 < remaining <= 0.3
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert not call.cancelled()


@pytest.mark.parametrize("timeout_s", [0, -1])
async def test_a_deadline_that_has_passed_ends_the_call_at_once(
    world: World, timeout_s: float
) -> None:
    async with world.serving(Parked().handlers) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "wait")(b"", timeout=timeout_s)

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_handler_knows_how_long_it_has(world: World) -> None:
    told: list[float | None] = []

    async def tells(request: bytes, context: Context) -> bytes:
        told.append(context.time_remaining())
        return request

    async with world.serving({"tell": Handler(tells)}) as served:
        channel = served.connect("ann")

        await unary(channel, "tell")(b"", timeout=60)
        await unary(channel, "tell")(b"")

        assert told[0] is not None
        assert 58 < told[0] < 61
        assert told[1] is None


async def test_cancelling_a_call_raises_cancelled_on_both_sides(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        call = unary(channel, "wait")(b"")
        await until(lambda: parked.seen == ["began"])

        assert call.cancel()
        assert not call.cancel(), "only once"

        assert call.done()
        assert call.cancelled()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await call.code() is grpc.StatusCode.CANCELLED
        assert list(await call.trailing_metadata()) == []
        await until(lambda: parked.seen == ["began", "CancelledError"])


async def test_cancelling_the_task_that_awaits_a_call_cancels_the_call(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        call = unary(channel, "wait")(b"")

        async def await_it() -> None:
            await call

        task = asyncio.create_task(await_it())
        await until(lambda: parked.seen == ["began"])
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.cancelled()
        await until(lambda: parked.seen == ["began", "CancelledError"])


async def test_cancelling_one_of_two_that_await_a_call_cancels_it_for_both(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        call = unary(channel, "wait")(b"")

        async def await_it() -> None:
            await call

        tasks = [asyncio.create_task(await_it()) for _ in range(2)]
        await until(lambda: parked.seen == ["began"])
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)

        assert [type(result) for result in results] == [asyncio.CancelledError] * 2


async def test_asking_for_the_status_in_vain_does_not_cancel_the_call(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        call = unary(channel, "wait")(b"")

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.code(), timeout=0.2)
        parked.go_on.set()

        assert await call == b""


async def test_a_call_cancelled_as_soon_as_it_is_made_ends_cancelled(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")

        call = unary(channel, "wait")(b"")
        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
        await settle()
        assert parked.seen in ([], ["began", "CancelledError"])


async def test_a_call_that_nobody_awaits_goes_on(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")

        unary(channel, "wait")(b"")
        await until(lambda: parked.seen == ["began"])
        parked.go_on.set()

        await until(lambda: parked.seen == ["began", "went on"])


async def test_a_handler_that_will_not_be_cancelled_is_not_heard(world: World) -> None:
    seen: list[str] = []

    async def stubborn(_: bytes, __: Context) -> bytes:
        seen.append("began")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
        return b"too late"

    async with world.serving({"it": Handler(stubborn)}) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "it")(b"", timeout=0.2)
        await until(lambda: seen == ["began", "cancelled"])

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
