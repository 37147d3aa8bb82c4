"""Requests that are opened, and whose message does not come."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import DecodeError

from director.director import Director
from director.settings import Settings
from director.transport.first_messages import FirstMessages
from director.transport.reading import Reads
from director.transport.status import CODES, UNDECODABLE
from protos import director_pb2
from tests.director.transport.served import served


class Opened:
    """The context of a call; its message comes when it is told to."""

    def __init__(self) -> None:
        self.message: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.told = ""

    async def read(self) -> object:
        return await self.message

    def peer(self) -> str:
        return "somebody"

    async def send_initial_metadata(self, _: object) -> None:
        """The client is still there."""

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.told = f"{code.name}: {details}"
        self.message.set_exception(grpc.aio.AbortError())
        raise grpc.aio.AbortError


TOO_LATE = "UNAVAILABLE: the message of your request did not come for 60 s"


def waiting(messages: FirstMessages) -> tuple[Opened, asyncio.Task[bytes]]:
    opened: Any = Opened()
    return opened, asyncio.ensure_future(messages.of(opened))


def within_a_minute() -> FirstMessages:
    return FirstMessages(60, CODES)


async def test_a_message_that_comes_in_time_is_returned() -> None:
    opened, task = waiting(within_a_minute())
    await asyncio.sleep(59)

    opened.message.set_result(b"hello")
    await asyncio.sleep(3_600)

    assert await task == b"hello"
    assert not opened.told


async def test_whoever_lets_its_message_be_waited_for_is_refused_and_nobody_else() -> None:
    messages = within_a_minute()
    first, task_of_first = waiting(messages)
    await asyncio.sleep(30)
    second, task_of_second = waiting(messages)
    third, task_of_third = waiting(messages)
    third.message.set_result(b"hello")

    await asyncio.sleep(31)
    assert (first.told, second.told) == (TOO_LATE, "")
    await asyncio.sleep(30)
    assert (second.told, third.told) == (TOO_LATE, "")

    for task in (task_of_first, task_of_second):
        with pytest.raises(grpc.aio.AbortError):
            await task
    assert await task_of_third == b"hello"


async def test_after_one_was_refused_the_next_is_waited_for_as_long() -> None:
    messages = within_a_minute()
    for _ in range(2):
        opened, task = waiting(messages)

        await asyncio.sleep(59)
        assert not opened.told
        await asyncio.sleep(2)

        assert opened.told == TOO_LATE
        with pytest.raises(grpc.aio.AbortError):
            await task


async def test_who_has_left_is_not_refused() -> None:
    opened, task = waiting(within_a_minute())
    await asyncio.sleep(1)

    task.cancel()
    await asyncio.sleep(3_600)

    assert not opened.told


async def test_a_request_without_a_message_cannot_be_decoded() -> None:
    opened, task = waiting(within_a_minute())

    opened.message.set_result(grpc.aio.EOF)

    with pytest.raises(DecodeError):
        await task


async def test_who_gives_up_on_a_stream_does_not_cancel_what_it_reads() -> None:
    left = asyncio.Event()
    ended: list[str] = []

    async def messages() -> AsyncIterator[bytes]:
        yield b"one"
        try:
            await left.wait()
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
        ended.append("in good order")

    reads = Reads(messages())
    assert await anext(reads) == b"one"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await anext(reads)
    assert ended == []

    left.set()
    await asyncio.sleep(1)

    assert ended == ["in good order"]


async def test_how_a_read_ends_that_nobody_waits_for_is_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Messages(AsyncIterator[bytes]):
        async def __anext__(self) -> bytes:
            await asyncio.sleep(10)
            raise grpc.aio.AbortError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await anext(Reads(Messages()))
    await asyncio.sleep(60)
    gc.collect()

    assert not caplog.records


async def test_a_stream_is_read_to_its_end() -> None:
    async def messages() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    assert [message async for message in Reads(messages())] == [b"one", b"two"]


@pytest.mark.wire
@pytest.mark.parametrize(
    "path",
    [
        "/openfl.director.Director/GetEnvoys",
        "/openfl.director.Director/GetExperimentData",
        "/openfl.aggregator.Aggregator/GetTasks",
        "/grpc.health.v1.Health/Check",
    ],
)
async def test_a_call_that_says_nothing_is_told_to_try_again(path: str) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    settings = Settings(upload_idle_s=0.1)
    async with served(director_cls=Director, settings=settings) as it, it.channel() as channel:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in method(nothing()):
                pass

        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert refused.value.details() == "the message of your request did not come for 0.1 s"


@pytest.mark.wire
async def test_a_call_that_ends_before_it_says_anything_is_refused() -> None:
    async with served() as it, it.channel() as channel:
        method: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(
            "/openfl.director.Director/GetEnvoys"
        )

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(iter(()))

        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert refused.value.details() == UNDECODABLE


@pytest.mark.wire
async def test_a_client_that_leaves_a_long_poll_ends_it() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.holds = True
        call = stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name="a"))
        await it.fake.until("asked wait_experiment")

        call.cancel()

        await it.fake.until("cancelled wait_experiment")
