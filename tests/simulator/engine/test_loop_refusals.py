"""Virtual time refuses what it cannot simulate."""

import asyncio
import math
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import grpc.aio
import pytest

from simulator.engine.loop import RealWorldError, VirtualTimeLoop
from tests.simulator.engine.loops import run


def test_a_timer_at_nan_is_refused() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_at(math.nan, print)

    with pytest.raises(ValueError, match="NaN"):
        run(main())


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def _subprocess() -> object:
    return await asyncio.create_subprocess_exec("true")


async def _thread() -> object:
    return await asyncio.to_thread(print)


async def _connection() -> object:
    return await asyncio.open_connection("127.0.0.1", 1)


async def _server() -> object:
    return await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)


async def _reader() -> object:
    here, there = socket.socketpair()
    with here, there:
        _loop().add_reader(here, print)
    return None


async def _grpc_channel() -> object:
    return grpc.aio.insecure_channel("127.0.0.1:1")


@pytest.mark.parametrize(
    "forbidden", [_subprocess, _thread, _connection, _server, _reader, _grpc_channel]
)
def test_what_needs_the_real_world_is_refused(
    forbidden: Callable[[], Coroutine[Any, Any, object]],
) -> None:
    with pytest.raises(RealWorldError, match="cannot be simulated"):
        run(forbidden())


def test_a_call_from_another_thread_is_refused() -> None:
    refusals: list[Exception] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def call() -> None:
            try:
                loop.call_soon_threadsafe(print)
            except RealWorldError as error:
                refusals.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()

    run(main())

    assert len(refusals) == 1


def test_a_call_from_the_same_thread_is_welcome() -> None:
    async def main() -> None:
        called = asyncio.Event()
        asyncio.get_running_loop().call_soon_threadsafe(called.set)
        await called.wait()

    run(main())


def test_a_closed_loop_takes_no_timers() -> None:
    loop = VirtualTimeLoop()
    loop.close()

    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1, print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)
