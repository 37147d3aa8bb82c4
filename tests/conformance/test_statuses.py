"""How a unary call ends, well and badly."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from protos import director_pb2
from tests.conformance.worlds import Handlers, World, failure, settle, unary, until

Handler = grpc.unary_unary_rpc_method_handler
Context = grpc.aio.ServicerContext[Any, Any]


async def echo(request: bytes, _: Context) -> bytes:
    return request


async def raises(_: bytes, __: Context) -> bytes:
    raise KeyError("brain-mri")


async def raises_with_code(_: bytes, context: Context) -> bytes:
    context.set_code(grpc.StatusCode.NOT_FOUND)
    context.set_details("not told")
    raise KeyError("brain-mri")


async def sets_code(_: bytes, context: Context) -> bytes:
    context.set_code(grpc.StatusCode.NOT_FOUND)
    context.set_details("no such thing")
    return b"thrown away"


async def aborts(_: bytes, context: Context) -> bytes:
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not yours", (("why", "because"),))


async def aborts_and_goes_on(_: bytes, context: Context) -> bytes:
    with pytest.raises(grpc.aio.AbortError):
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone")
    return b"never sent"


async def answers_nothing(_: bytes, __: Context) -> None:
    return None


def is_not_overridden(_: bytes, context: Context) -> bytes:
    context.set_code(grpc.StatusCode.UNIMPLEMENTED)
    context.set_details("Method not implemented!")
    raise NotImplementedError("Method not implemented!")


HANDLERS: Handlers = {
    function.__name__: Handler(function)
    for function in (
        echo,
        raises,
        raises_with_code,
        sets_code,
        aborts,
        aborts_and_goes_on,
        answers_nothing,
        is_not_overridden,
    )
}


async def test_a_response_is_what_the_handler_returned(world: World) -> None:
    async with world.serving(HANDLERS) as served:
        channel = served.connect("ann")

        call = unary(channel, "echo")(b"hello")

        assert await call == b"hello"
        assert await call == b"hello", "a call may be awaited again"
        assert await call.code() is grpc.StatusCode.OK
        assert await call.details() == ""
        assert call.done()
        assert not call.cancelled()
        assert not call.cancel()


async def test_an_empty_message_is_a_message(world: World) -> None:
    async with world.serving(HANDLERS) as served:
        channel = served.connect("ann")

        assert await unary(channel, "echo")(b"") == b""
        assert await unary(channel, "answers_nothing")(b"") == b""


@pytest.mark.parametrize(
    ("method", "code", "details"),
    [
        ("raises", grpc.StatusCode.UNKNOWN, "Unexpected <class 'KeyError'>: 'brain-mri'"),
        (
            "raises_with_code",
            grpc.StatusCode.NOT_FOUND,
            "Unexpected <class 'KeyError'>: 'brain-mri'",
        ),
        ("sets_code", grpc.StatusCode.NOT_FOUND, "no such thing"),
        ("aborts", grpc.StatusCode.PERMISSION_DENIED, "not yours"),
        ("aborts_and_goes_on", grpc.StatusCode.NOT_FOUND, "gone"),
        (
            "is_not_overridden",
            grpc.StatusCode.UNIMPLEMENTED,
            "Unexpected <class 'NotImplementedError'>: Method not implemented!",
        ),
        ("nobody_has_this", grpc.StatusCode.UNIMPLEMENTED, "Method not found!"),
    ],
)
async def test_a_call_that_fails_says_how(
    world: World, method: str, code: grpc.StatusCode, details: str
) -> None:
    async with world.serving(HANDLERS) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, method)(b"")

        assert failure(caught.value) == (code, details)


async def test_the_status_of_a_failed_call_can_be_asked_for_without_awaiting_it(
    world: World,
) -> None:
    async with world.serving(HANDLERS) as served:
        channel = served.connect("ann")

        call = unary(channel, "aborts")(b"")

        assert await call.code() is grpc.StatusCode.PERMISSION_DENIED
        assert await call.details() == "not yours"
        assert list(await call.trailing_metadata()) == [("why", "because")]


async def test_a_handler_that_cancels_itself_answers_nothing(world: World) -> None:
    async def cancels_itself(_: bytes, __: Context) -> bytes:
        raise asyncio.CancelledError

    async with world.serving({"it": Handler(cancels_itself)}) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "it")(b"", timeout=0.3)

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_an_undecodable_request_is_unknown_and_names_the_error(world: World) -> None:
    async def never_called(request: Any, _: Context) -> Any:
        return request

    handler = Handler(
        never_called,
        request_deserializer=director_pb2.WaitExperimentRequest.FromString,
        response_serializer=director_pb2.WaitExperimentRequest.SerializeToString,
    )
    async with world.serving({"it": handler}) as served:
        channel = served.connect("ann")

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "it")(b"\xff\xff")

        code, details = failure(caught.value)
        assert code is grpc.StatusCode.UNKNOWN
        assert details is not None
        assert "DecodeError" in details


async def test_done_callbacks_are_called_on_both_sides(world: World) -> None:
    seen: list[str] = []

    def tell(ctx: Context) -> None:
        seen.append(f"server {ctx.done()}")

    async def tells(request: bytes, context: Context) -> bytes:
        assert not context.done()
        assert not context.cancelled()
        callback: Any = tell  # the type stubs take no function there
        context.add_done_callback(callback)
        return request

    async with world.serving({"it": Handler(tells)}) as served:
        channel = served.connect("ann")
        call = unary(channel, "it")(b"")
        call.add_done_callback(lambda ended: seen.append(f"client {ended.done()}"))

        await call
        await until(lambda: len(seen) == 2)
        call.add_done_callback(lambda _: seen.append("late"))
        await settle()

        assert sorted(seen[:2]) == ["client True", "server True"]
        assert seen[2:] == ["late"]


async def test_many_calls_run_at_once_and_each_gets_its_own_answer(world: World) -> None:
    everybody_is_here = asyncio.Event()
    here: list[bytes] = []

    async def waits_for_all(request: bytes, _: Context) -> bytes:
        here.append(request)
        if len(here) == 200:
            everybody_is_here.set()
        await everybody_is_here.wait()
        return request

    async with world.serving({"it": Handler(waits_for_all)}) as served:
        channel = served.connect("ann")

        answers = await asyncio.gather(
            *(unary(channel, "it")(b"%d" % number) for number in range(200))
        )

        assert answers == [b"%d" % number for number in range(200)]
