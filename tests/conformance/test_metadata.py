"""What goes along with a call, both ways."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.conformance.worlds import World, all_of, download, failure, settle, unary, upload

Handler = grpc.unary_unary_rpc_method_handler
Context = grpc.aio.ServicerContext[Any, Any]


class Telling:
    """A handler that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[list[tuple[str, str | bytes]]] = []

    async def tell(self, request: bytes, context: Context) -> bytes:
        metadata: Any = context.invocation_metadata()
        assert isinstance(metadata, tuple)
        self.told.append([(one.key, one.value) for one in metadata])
        return request

    async def stream(self, request: bytes, context: Context) -> AsyncIterator[bytes]:
        yield await self.tell(request, context)

    async def receive(self, _: AsyncIterator[bytes], context: Context) -> bytes:
        return await self.tell(b"", context)

    @property
    def handlers(self) -> dict[str, Any]:
        return {
            "tell": Handler(self.tell),
            "stream": grpc.unary_stream_rpc_method_handler(self.stream),
            "receive": grpc.stream_unary_rpc_method_handler(self.receive),
        }


async def test_metadata_is_delivered_in_order(world: World) -> None:
    telling = Telling()
    sent = (("client_id", "bob"), ("tag", "a"), ("tag", "b"), ("raw-bin", b"\x00\xff"))
    async with world.serving(telling.handlers) as served:
        channel = served.connect("ann")

        await unary(channel, "tell")(b"", metadata=sent)
        await unary(channel, "tell")(b"", metadata=grpc.aio.Metadata(("client_id", "eve")))
        await unary(channel, "tell")(b"")
        await all_of(download(channel, "stream")(b"", metadata=sent))
        await upload(channel, "receive")(iter([b""]), metadata=sent)

        told = [[(key, value) for key, value in one if key != "user-agent"] for one in telling.told]
        assert told == [list(sent), [("client_id", "eve")], [], list(sent), list(sent)]
        assert all(one[0][0] == "user-agent" for one in telling.told)


@pytest.mark.parametrize("key", ["Client_ID", "with space", ""])
async def test_an_illegal_key_is_an_error_of_the_client_alone(world: World, key: str) -> None:
    telling = Telling()
    async with world.serving(telling.handlers) as served:
        channel = served.connect("ann")
        metadata = ((key, "x"),)

        with pytest.raises(grpc.aio.InternalError):
            await unary(channel, "tell")(b"", metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(download(channel, "stream")(b"", metadata=metadata))
        assert failure(caught.value) == (grpc.StatusCode.INTERNAL, "Invalid metadata")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await upload(channel, "receive")(iter([b""]), metadata=metadata)
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        await settle()

        assert telling.told == []


@pytest.mark.parametrize("value", ["line\nbreak", "é"])
async def test_an_illegal_value_is_one_too(world: World, value: str) -> None:
    telling = Telling()
    async with world.serving(telling.handlers) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.InternalError):
            await unary(channel, "tell")(b"", metadata=(("client_id", value),))
        await settle()

        assert telling.told == []


async def test_a_handler_sends_metadata_before_and_after_its_answer(world: World) -> None:
    async def sends(request: bytes, context: Context) -> bytes:
        await context.send_initial_metadata((("before", "1"),))
        with pytest.raises(grpc.aio.UsageError):
            await context.send_initial_metadata((("again", "1"),))
        context.set_trailing_metadata((("after", "2"),))
        return request

    async with world.serving({"it": Handler(sends)}) as served:
        channel = served.connect("ann")
        call = unary(channel, "it")(b"")

        assert list(await call.initial_metadata()) == [("before", "1")]
        assert await call == b""
        assert list(await call.trailing_metadata()) == [("after", "2")]


async def test_a_failure_carries_its_metadata(world: World) -> None:
    async def aborts(_: bytes, context: Context) -> bytes:
        await context.send_initial_metadata((("before", "1"),))
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone", (("after", "2"),))

    async with world.serving({"it": Handler(aborts)}) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "it")(b"")

        assert list(caught.value.initial_metadata()) == [("before", "1")]
        assert list(caught.value.trailing_metadata()) == [("after", "2")]
