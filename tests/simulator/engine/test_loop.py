"""Virtual time keeps asyncio's promises, and jumps."""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from simulator.engine.loop import DeadlockError, LivelockError, VirtualTimeLoop
from tests.simulator.engine.loops import run


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_sleep_takes_exactly_as_long_as_it_says_and_no_real_time() -> None:
    async def main() -> list[float]:
        times = [now()]
        for seconds in (0.0, 0.1, 86_400.0 * 365):
            await asyncio.sleep(seconds)
            times.append(now())
        return times

    assert run(main()) == [0.0, 0.0, 0.1, 0.1 + 86_400.0 * 365]


def test_equal_deadlines_fire_in_the_order_in_which_they_were_set() -> None:
    async def main() -> list[int]:
        fired: list[int] = []
        for number in range(1_000):
            asyncio.get_running_loop().call_at(5.0, fired.append, number)
        await asyncio.sleep(6)
        return fired

    assert run(main()) == list(range(1_000))


def test_timers_fire_by_deadline_whatever_the_order_they_were_set_in() -> None:
    async def main() -> list[float]:
        fired: list[float] = []
        for when in (3.0, 1.0, 2.0, 0.5):
            asyncio.get_running_loop().call_at(when, lambda: fired.append(now()))
        await asyncio.sleep(4)
        return fired

    assert run(main()) == [0.5, 1.0, 2.0, 3.0]


def test_the_clock_stands_still_while_anything_is_ready() -> None:
    async def main() -> float:
        asyncio.get_running_loop().call_later(1, lambda: None)
        for _ in range(100):
            await asyncio.sleep(0)
        return now()

    assert run(main()) == 0.0


def test_a_deadline_in_the_past_fires_at_once_and_never_turns_the_clock_back() -> None:
    async def main() -> float:
        await asyncio.sleep(10)
        fired = asyncio.Event()
        asyncio.get_running_loop().call_at(3, fired.set)
        await fired.wait()
        return now()

    assert run(main()) == 10.0


def test_timeouts_events_and_queues_work() -> None:
    async def main() -> list[object]:
        seen: list[object] = []
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
        event = asyncio.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await event.wait()
        seen.append(now())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.get(), timeout=3)
        seen.append(now())
        asyncio.get_running_loop().call_later(1, queue.put_nowait, 7)
        seen.append(await asyncio.wait_for(queue.get(), timeout=3))
        seen.append(now())
        return seen

    assert run(main()) == [2.0, 5.0, 7, 6.0]


def test_tasks_take_turns_in_the_order_of_their_waking() -> None:
    async def worker(name: str, seen: list[str]) -> None:
        for step in range(3):
            await asyncio.sleep(1)
            seen.append(f"{name}{step}")

    async def main() -> list[str]:
        seen: list[str] = []
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(worker(name, seen))
        return seen

    assert run(main()) == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_a_cancelled_timer_neither_fires_nor_holds_the_clock() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(1 + number, pytest.fail, "fired") for number in range(1_000)]
        for timer in reversed(timers):
            timer.cancel()
            timer.cancel()
        await asyncio.sleep(5_000)
        return now()

    assert run(main()) == 5_000.0


def test_cancelled_timers_do_not_pile_up() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        for _ in range(10_000):
            loop.call_later(3_600, pytest.fail, "fired").cancel()
        return len(loop._timers)

    assert run(main()) < 300


def test_a_timer_cancelled_when_it_is_already_due_does_not_fire() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        seen: list[str] = []
        second = loop.call_at(1, seen.append, "second")
        loop.call_at(1, seen.append, "third")
        loop.call_at(0.5, second.cancel)
        later: list[asyncio.TimerHandle] = []

        def cancel_the_fourth() -> None:
            later[0].cancel()

        loop.call_at(2, cancel_the_fourth)
        later.append(loop.call_at(2, seen.append, "fourth"))
        await asyncio.sleep(3)
        return seen

    assert run(main()) == ["third"]


def test_a_deadlock_is_told_with_the_tasks_that_wait() -> None:
    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.sleep(2.5)
        await asyncio.create_task(waits_for_ever(), name="the-one-that-hangs")

    with pytest.raises(DeadlockError, match=r"at 2\.5 s") as caught:
        run(main())

    told = str(caught.value)
    assert "the-one-that-hangs" in told
    assert "waits_for_ever" in told
    assert "test_loop.py" in told


def test_a_loop_that_never_waits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.engine.loop._MANY_TURNS", 1_000)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def spin() -> None:
            loop.call_soon(spin)

        await asyncio.sleep(1)
        spin()
        while True:  # noqa: ASYNC110 - which is the mistake
            await asyncio.sleep(0)

    with pytest.raises(LivelockError, match=r"at 1\.0 s") as caught:
        run(main())

    assert "main" in str(caught.value)
    assert "spin" in str(caught.value)


def test_many_turns_are_no_harm_while_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.engine.loop._MANY_TURNS", 1_000)

    async def main() -> None:
        for _ in range(10_000):
            await asyncio.sleep(0.001)

    run(main())


def test_a_timer_at_infinity_is_no_hope() -> None:
    async def main() -> None:
        await asyncio.sleep(math.inf)

    with pytest.raises(DeadlockError):
        run(main())


def test_an_exception_in_a_callback_goes_to_the_exception_handler() -> None:
    async def main() -> list[object]:
        told: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(1)
        return told

    (error,) = run(main())

    assert isinstance(error, ZeroDivisionError)


def test_async_generators_left_open_are_closed_in_the_order_of_their_first_step() -> None:
    closed: list[int] = []
    kept: list[AsyncIterator[int]] = []

    async def generate(number: int) -> AsyncIterator[int]:
        try:
            yield number
        finally:
            closed.append(number)

    async def main() -> None:
        for number in range(50):
            generator = generate(number)
            kept.append(generator)
            await anext(generator)

    run(main())

    assert closed == list(range(50))


def test_a_generator_that_is_let_go_of_is_closed_then() -> None:
    closed: list[float] = []

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append(now())

    async def main() -> None:
        generator = generate()
        await anext(generator)
        await asyncio.sleep(1)
        del generator
        await asyncio.sleep(1)

    run(main())

    assert closed == [1.0]


def test_an_exit_in_a_callback_ends_the_run() -> None:
    def leave() -> None:
        raise SystemExit(3)

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, leave)
        await asyncio.sleep(2)

    with pytest.raises(SystemExit, match="3"):
        run(main())


def test_debug_mode_works_too() -> None:
    async def main() -> float:
        asyncio.get_running_loop().call_later(1, print).cancel()
        await asyncio.wait_for(asyncio.sleep(1), timeout=2)
        return now()

    assert run(main(), debug=True) == 1.0
