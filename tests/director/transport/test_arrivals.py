"""Results that come in pieces: from whom, how many at once, and for how long."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
import pytest
from google.protobuf.message import DecodeError

from director.errors import LimitExceededError, UnauthenticatedError, UnavailableError
from director.settings import Limits, Settings
from director.transport.arrivals import Arrivals
from protos import aggregator_pb2, base_pb2
from tests.director.transport.served import served
from tests.director.transport.test_aggregator_server import HEADER, REPLY, RESULTS, pieces

BEGINNING = aggregator_pb2.TaskResults(header=HEADER).SerializeToString()


def piece(content: bytes) -> base_pb2.DataStream:
    return base_pb2.DataStream(size=len(content), npbytes=content)


class Line:
    """What one sender sends, piece by piece."""

    def __init__(self, *sent: bytes) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.taken = 0
        for content in sent:
            self.send(content)

    def send(self, content: bytes | None) -> None:
        self._queue.put_nowait(content)

    async def pieces(self) -> AsyncIterator[base_pb2.DataStream]:
        while (content := await self._queue.get()) is not None:
            self.taken += 1
            yield piece(content)


async def received(arrivals: Arrivals, line: Line, sender: str = "") -> bytes:
    async with arrivals.begun(line.pieces()) as arrival:
        header = await arrival.header()
        assert header is not None
        return await arrival.content(sender or header.sender)


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def settings(**limits: Any) -> Settings:
    return Settings(limits=Limits(**limits), upload_idle_s=30)


# ---------------------------------------------------------------- who sends


@pytest.mark.wire
async def test_a_stranger_is_sent_away_by_its_first_piece() -> None:
    async with served() as it, it.aggregator_stub() as stub:
        it.fake.refusal = UnauthenticatedError("you have no part in this run")
        call = stub.SendLocalTaskResults()
        await call.write(piece(BEGINNING))

        # It never says that this was all.
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call

        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.wire
async def test_results_of_a_run_that_is_over_are_thanked_for_and_not_read() -> None:
    async with served() as it, it.aggregator_stub() as stub:
        it.fake.expects = False
        call = stub.SendLocalTaskResults()
        await call.write(piece(BEGINNING))

        response = await call

        assert response.header == REPLY
        assert it.fake.asked == []


@pytest.mark.wire
async def test_what_is_left_of_results_after_an_outage_may_be_sent_again() -> None:
    left = list(pieces(RESULTS.SerializeToString(), 20))[1:]
    async with served() as it, it.aggregator_stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SendLocalTaskResults(iter(left))

        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert it.fake.asked == []


@pytest.mark.parametrize(
    "sent",
    [
        [b"\x10\x03"],
        [b"\x0a\xff\xff\xff\x7f" + bytes(20)],
        [b"\x0a", b"\xff\xff\xff\xff", b"\xff\xff\xff"],
        [b"\x0a\x05", b"\xff\xff\xff\xff\xff"],
        [BEGINNING[:-1]],
    ],
    ids=["another field", "too long", "no length", "no header", "cut"],
)
async def test_what_does_not_begin_with_a_header_cannot_be_decoded(sent: Iterable[bytes]) -> None:
    line = Line(*sent)
    line.send(None)

    with pytest.raises(DecodeError):
        await received(Arrivals(settings()), line)


# ---------------------------------------------------------------- how much


async def test_results_past_the_limit_are_not_kept() -> None:
    line = Line(BEGINNING, *[bytes(10)] * 10)

    with pytest.raises(LimitExceededError, match="at most 150 bytes"):
        await received(Arrivals(settings(max_result_bytes=150)), line)


async def test_beyond_what_may_be_held_results_come_one_after_another() -> None:
    arrivals = Arrivals(settings(max_arriving_bytes=1_000))
    lines = [Line(BEGINNING, bytes(600)) for _ in "abc"]
    tasks = [
        asyncio.ensure_future(received(arrivals, line, sender))
        for line, sender in zip(lines, "abc", strict=True)
    ]
    await settled()
    assert [line.taken for line in lines] == [2, 2, 1]

    # The first goes on, however much there is; the others are held up, and lose nothing by it.
    for line in lines:
        line.send(bytes(600))
        line.send(None)
    await asyncio.sleep(3_600)

    assert [len(await task) for task in tasks] == [len(BEGINNING) + 1_200] * 3


async def test_the_first_of_many_goes_on_although_there_is_no_room() -> None:
    arrivals = Arrivals(settings(max_arriving_bytes=100))
    first, second = Line(BEGINNING, bytes(200)), Line(BEGINNING, bytes(200))
    tasks = [
        asyncio.ensure_future(received(arrivals, line, sender))
        for line, sender in ((first, "a"), (second, "b"))
    ]
    await settled()
    assert (first.taken, second.taken) == (2, 1)

    first.send(None)
    await tasks[0]
    await settled()

    assert second.taken == 2
    tasks[1].cancel()


async def test_results_that_stand_still_make_room_for_others() -> None:
    arrivals = Arrivals(settings(max_arriving_bytes=100))
    silent, live = Line(BEGINNING, bytes(200)), Line(BEGINNING, bytes(200))
    live.send(None)

    given_up, content = await asyncio.gather(
        received(arrivals, silent, "a"), received(arrivals, live, "b"), return_exceptions=True
    )

    assert isinstance(given_up, UnavailableError)
    assert content == BEGINNING + bytes(200)
    assert len(arrivals) == 0


async def test_a_stream_that_says_nothing_is_given_up() -> None:
    with pytest.raises(UnavailableError, match="too little"):
        await received(Arrivals(settings()), Line())


async def test_a_sender_that_begins_anew_gives_up_what_it_began_before() -> None:
    arrivals = Arrivals(settings())
    tasks = [asyncio.ensure_future(received(arrivals, Line(BEGINNING), "a")) for _ in range(5)]
    other = asyncio.ensure_future(received(arrivals, Line(BEGINNING), "b"))
    await asyncio.sleep(1)

    assert [task.done() for task in tasks] == [True, False, False, False, False]
    with pytest.raises(UnavailableError, match="newer results"):
        await tasks[0]
    assert len(arrivals) == 5
    for task in (*tasks[1:], other):
        task.cancel()
