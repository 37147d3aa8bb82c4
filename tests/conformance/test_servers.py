"""Servers that stop and come back, and channels that close."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.worlds import Handlers, World, download, settle, unary, until, upload

Context = grpc.aio.ServicerContext[Any, Any]


class Parked:
    """Handlers of three kinds that wait, and tell what becomes of them."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.go_on = asyncio.Event()

    async def _wait(self, kind: str) -> None:
        try:
            await self.go_on.wait()
        except BaseException as error:
            self.seen.append(f"{kind} {type(error).__name__}")
            raise

    async def unary(self, request: bytes, _: Context) -> bytes:
        self.seen.append("unary began")
        await self._wait("unary")
        return request

    async def download(self, _: bytes, __: Context) -> AsyncIterator[bytes]:
        yield b"first"
        await self._wait("download")
        yield b"second"

    async def upload(self, requests: AsyncIterator[bytes], _: Context) -> bytes:
        async for _request in requests:
            pass
        self.seen.append("upload ended")
        await self._wait("upload")
        return b""

    async def echo(self, request: bytes, _: Context) -> bytes:
        return request

    @property
    def handlers(self) -> dict[str, Any]:
        return {
            "unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "download": grpc.unary_stream_rpc_method_handler(self.download),
            "upload": grpc.stream_unary_rpc_method_handler(self.upload),
            "echo": grpc.unary_unary_rpc_method_handler(self.echo),
        }


async def code_of(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()


async def test_calls_under_way_when_the_server_stops_are_unavailable(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        one = unary(channel, "unary")(b"")
        many = download(channel, "download")(b"")
        sent = upload(channel, "upload")()
        await sent.write(b"half")
        assert await many.read() == b"first"
        await until(lambda: parked.seen == ["unary began"])
        await settle()

        await served.stop()

        assert await code_of(one) is grpc.StatusCode.UNAVAILABLE
        assert await code_of(many.read()) is grpc.StatusCode.UNAVAILABLE
        assert await code_of(sent) is grpc.StatusCode.UNAVAILABLE
        await until(lambda: len(parked.seen) == 5)
        assert sorted(parked.seen[1:]) == [
            "download CancelledError",
            "unary CancelledError",
            "upload CancelledError",
            "upload ended",
        ]


async def test_nobody_listens_after_a_stop_until_a_new_server_starts(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        assert await unary(channel, "echo")(b"1") == b"1"

        await served.stop()
        assert await code_of(unary(channel, "echo")(b"2")) is grpc.StatusCode.UNAVAILABLE
        await served.start(parked.handlers)

        await until_it_answers(channel)
        assert await unary(channel, "echo")(b"3") == b"3"


async def until_it_answers(channel: grpc.aio.Channel) -> None:
    for _ in range(100):
        try:
            await unary(channel, "echo")(b"")
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("it never came back")


async def test_a_call_may_wait_until_somebody_listens(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        await served.stop()

        call = unary(channel, "echo")(b"patience", wait_for_ready=True, timeout=20)
        await settle()
        await served.start(parked.handlers)

        assert await call == b"patience"


async def test_a_graceful_stop_lets_calls_finish_and_takes_no_new_ones(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        call = unary(channel, "unary")(b"old")
        await until(lambda: parked.seen == ["unary began"])

        stopping = asyncio.create_task(served.stop(10))
        await settle()
        assert await code_of(unary(channel, "echo")(b"new")) is grpc.StatusCode.UNAVAILABLE
        parked.go_on.set()

        assert await call == b"old"
        await stopping


async def test_a_grace_that_runs_out_ends_what_is_left(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        call = unary(channel, "unary")(b"")
        await until(lambda: parked.seen == ["unary began"])

        await served.stop(0.2)

        assert await code_of(call) is grpc.StatusCode.UNAVAILABLE
        await until(lambda: parked.seen == ["unary began", "unary CancelledError"])


async def test_a_channel_that_closes_cancels_its_calls(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        one = unary(channel, "unary")(b"")
        many = download(channel, "download")(b"")
        assert await many.read() == b"first"
        await until(lambda: parked.seen == ["unary began"])

        await channel.close()
        await channel.close()

        assert channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
        for awaitable in (one, many.read()):
            with pytest.raises(asyncio.CancelledError):
                await awaitable
        with pytest.raises(grpc.aio.UsageError):
            unary(channel, "echo")(b"")
        await until(lambda: len(parked.seen) == 3)
        assert sorted(parked.seen[1:]) == ["download CancelledError", "unary CancelledError"]


async def test_a_channel_that_closes_with_grace_lets_its_calls_finish(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")
        call = unary(channel, "unary")(b"x")
        await until(lambda: parked.seen == ["unary began"])

        closing = asyncio.create_task(channel.close(10))
        await settle()
        parked.go_on.set()
        await closing

        assert await call == b"x"


async def test_a_channel_tells_its_state(world: World) -> None:
    parked = Parked()
    async with world.serving(parked.handlers) as served:
        channel = served.connect("ann")

        assert channel.get_state() is grpc.ChannelConnectivity.IDLE
        await asyncio.wait_for(channel.channel_ready(), timeout=10)
        assert channel.get_state() is grpc.ChannelConnectivity.READY
        await served.stop()
        await asyncio.wait_for(
            channel.wait_for_state_change(grpc.ChannelConnectivity.READY), timeout=10
        )
        assert channel.get_state() is grpc.ChannelConnectivity.IDLE


async def test_a_channel_is_a_context(world: World) -> None:
    async with world.serving(Parked().handlers) as served:
        async with served.connect("ann") as channel:
            assert await unary(channel, "echo")(b"x") == b"x"

        with pytest.raises(grpc.aio.UsageError):
            unary(channel, "echo")(b"x")


async def test_a_peer_has_another_name_after_it_reconnected(world: World) -> None:
    peers: list[str] = []

    async def tell(request: bytes, context: Context) -> bytes:
        peers.append(context.peer())
        return request

    handlers: Handlers = {"tell": grpc.unary_unary_rpc_method_handler(tell)}
    async with world.serving(handlers) as served:
        channel = served.connect("ann")
        other = served.connect("bob")

        await unary(channel, "tell")(b"")
        await unary(channel, "tell")(b"")
        await unary(other, "tell")(b"")
        served.network.link("ann").cut()
        await settle()
        await unary(channel, "tell")(b"", wait_for_ready=True, timeout=10)

        assert peers[0] == peers[1]
        assert len(set(peers)) == 3
        assert all(peer.startswith("ipv4:") for peer in peers)


async def test_bytes_of_all_kinds_of_calls_arrive_as_sent(world: World) -> None:
    async with world.serving(Parked().handlers) as served:
        channel = served.connect("ann")
        content = bytes(range(256)) * 100

        assert await unary(channel, "echo")(content) == content
        call = download(channel, "download")(content)
        assert await call.read() == b"first"
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await all_of_read(call)


async def all_of_read(call: Any) -> list[bytes]:
    responses = []
    while (response := await call.read()) is not grpc.aio.EOF:
        responses.append(response)
    return responses
