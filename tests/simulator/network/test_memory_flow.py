"""Pipes keep order, inboxes wake their reader, windows hold senders up."""

import asyncio

import pytest

from simulator.network.memory_flow import WINDOW_BYTES, Inbox, Pipe, Window


def test_an_open_pipe_delivers_at_once() -> None:
    pipe, arrived = Pipe(), list[int]()

    pipe.send(arrived.append, 1)

    assert arrived == [1]


def test_a_stalled_pipe_holds_everything_and_delivers_it_in_order() -> None:
    pipe, arrived = Pipe(), list[int]()

    pipe.stall()
    pipe.stall()
    for number in range(3):
        pipe.send(arrived.append, number)
    assert arrived == []
    pipe.heal()
    pipe.send(arrived.append, 3)

    assert arrived == [0, 1, 2, 3]


def test_what_is_sent_during_the_healing_queues_behind() -> None:
    pipe, arrived = Pipe(), list[str]()

    def answer() -> None:
        arrived.append("first")
        pipe.send(arrived.append, "answer")

    pipe.stall()
    pipe.send(answer)
    pipe.send(arrived.append, "second")
    pipe.heal()

    assert arrived == ["first", "second", "answer"]


def test_a_pipe_may_stall_again_while_it_heals() -> None:
    pipe, arrived = Pipe(), list[str]()

    pipe.stall()
    pipe.send(arrived.append, "first")
    pipe.send(pipe.stall)
    pipe.send(arrived.append, "second")
    pipe.heal()
    assert arrived == ["first"]
    pipe.heal()

    assert arrived == ["first", "second"]


def test_healing_what_was_not_stalled_changes_nothing() -> None:
    pipe, arrived = Pipe(), list[int]()

    pipe.heal()
    pipe.send(arrived.append, 1)

    assert arrived == [1]


async def test_an_inbox_gives_what_arrived_and_then_none_for_ever() -> None:
    inbox = Inbox()
    inbox.put(b"a")
    inbox.put(b"b")
    inbox.end()

    assert [await inbox.get() for _ in range(4)] == [b"a", b"b", None, None]


async def test_an_inbox_wakes_its_reader() -> None:
    inbox = Inbox()
    reading = asyncio.create_task(inbox.get())
    await asyncio.sleep(1)
    assert inbox.is_awaited

    inbox.put(b"a")

    assert await reading == b"a"


async def test_a_reader_that_gives_up_loses_nothing() -> None:
    inbox = Inbox()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(inbox.get(), timeout=1)
    inbox.put(b"a")

    assert await inbox.get() == b"a"


async def test_a_window_takes_one_message_of_any_size_and_then_holds_the_next() -> None:
    window = Window()
    await window.take(10 * WINDOW_BYTES)
    second = asyncio.create_task(window.take(1))
    await asyncio.sleep(1)
    assert not second.done()

    window.give(10 * WINDOW_BYTES)

    await second


async def test_senders_get_room_in_the_order_of_their_coming() -> None:
    window, got = Window(), list[int]()
    await window.take(WINDOW_BYTES)

    async def send(number: int) -> None:
        await window.take(WINDOW_BYTES)
        got.append(number)

    tasks = [asyncio.create_task(send(number)) for number in range(3)]
    await asyncio.sleep(1)
    for expected in ([0], [0, 1], [0, 1, 2]):
        window.give(WINDOW_BYTES)
        await asyncio.sleep(1)
        assert got == expected
    await asyncio.gather(*tasks)


async def test_a_sender_that_gives_up_lets_the_next_one_through() -> None:
    window = Window()
    await window.take(WINDOW_BYTES)
    first = asyncio.create_task(window.take(1))
    second = asyncio.create_task(window.take(1))
    await asyncio.sleep(1)

    window.give(WINDOW_BYTES)
    first.cancel()

    with pytest.raises(asyncio.CancelledError):
        await first
    await second


async def test_a_sender_that_gave_up_long_ago_is_passed_over() -> None:
    window = Window()
    await window.take(WINDOW_BYTES)
    first = asyncio.create_task(window.take(1))
    second = asyncio.create_task(window.take(1))
    await asyncio.sleep(1)
    first.cancel()
    await asyncio.sleep(1)

    window.give(WINDOW_BYTES)

    await second


async def test_a_closed_window_holds_nobody_up() -> None:
    window = Window()
    await window.take(WINDOW_BYTES)
    waiting = [asyncio.create_task(window.take(WINDOW_BYTES)) for _ in range(3)]
    await asyncio.sleep(1)

    window.close()

    await asyncio.gather(*waiting)
