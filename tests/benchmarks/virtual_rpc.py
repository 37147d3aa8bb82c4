"""How fast virtual time passes: heartbeats through the network in memory, beside their floor.

The floor is the least that an envoy's minute costs on the same loop: one sleep, one future, and
protobuf both ways.  Run it as `python -m tests.benchmarks.virtual_rpc`.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from typing import Any

import grpc

from protos import director_pb2, director_pb2_grpc
from simulator.engine.loop import VirtualTimeLoop
from simulator.network.api import Delay, Message, Verdict
from simulator.network.memory import MemoryNetwork

_PERIOD_S = 60.0
_CALLS = 40_000

Request = director_pb2.UpdateEnvoyStatusRequest
Response = director_pb2.UpdateEnvoyStatusResponse


async def heartbeat(request: Request, _: Any) -> Response:
    assert request.name
    return _answer()


def _answer() -> Response:
    response = Response()
    response.health_check_period.seconds = 60
    return response


def _latency(_: Message) -> Verdict:
    return Delay(0.02)


# ---------------------------------------------------------------- what is measured


async def floor(envoys: int) -> int:
    loop = asyncio.get_running_loop()

    def deliver(raw: bytes, answered: asyncio.Future[bytes]) -> None:
        assert Request.FromString(raw).name
        answered.set_result(_answer().SerializeToString())

    async def envoy(number: int) -> None:
        await asyncio.sleep(number * _PERIOD_S / envoys)
        for _ in range(_CALLS // envoys):
            answered: asyncio.Future[bytes] = loop.create_future()
            loop.call_soon(deliver, Request(name="envoy").SerializeToString(), answered)
            Response.FromString(await answered)
            await asyncio.sleep(_PERIOD_S)

    return await _all(envoy, envoys)


async def network(envoys: int, *, latency: bool = False, timeout_s: float | None = 10) -> int:
    memory = MemoryNetwork(server_credentials=None, now=lambda: 0.0)
    handler = grpc.unary_unary_rpc_method_handler(
        heartbeat, Request.FromString, Response.SerializeToString
    )
    memory.server.add_registered_method_handlers(
        "openfl.director.Director", {"UpdateEnvoyStatus": handler}
    )
    await memory.server.start()

    async def envoy(number: int) -> None:
        channel = memory.connect(f"envoy-{number}", credentials=None)
        stub: Any = director_pb2_grpc.DirectorStub(channel)
        await asyncio.sleep(number * _PERIOD_S / envoys)
        for _ in range(_CALLS // envoys):
            await stub.UpdateEnvoyStatus(Request(name="envoy"), timeout=timeout_s)
            await asyncio.sleep(_PERIOD_S)

    with ExitStack() as stack:
        if latency:
            stack.enter_context(memory.rules.applied(_latency))
        calls = await _all(envoy, envoys)
    await memory.close()
    return calls


async def _all(envoy: Callable[[int], Coroutine[Any, Any, None]], envoys: int) -> int:
    tasks = [asyncio.create_task(envoy(number)) for number in range(envoys)]
    for task in tasks:
        await task
    return _CALLS // envoys * envoys


# ---------------------------------------------------------------- measuring


def measure(main: Callable[[], Coroutine[Any, Any, int]]) -> tuple[float, float]:
    """Return the calls in a second of processor time, and the simulated seconds in it.

    Of processor time, because this waits for nothing, and others may be busy on the machine.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        began = time.process_time()
        calls = runner.run(main())
        took_s = time.process_time() - began
        return calls / took_s, runner.get_loop().time() / took_s


def main() -> None:
    print(f"{'':34}{'RPC/s':>10}{'simulated s / s':>18}{'x floor':>10}")
    for envoys in (1_000, 10_000):
        rows: list[tuple[str, Callable[[], Coroutine[Any, Any, int]]]] = [
            ("floor", partial(floor, envoys)),
            ("network", partial(network, envoys)),
            ("network, no deadlines", partial(network, envoys, timeout_s=None)),
            ("network, latency both ways", partial(network, envoys, latency=True)),
        ]
        floor_rate = 0.0
        for name, run in rows:
            # The better of two: what disturbs a run only ever slows it down.
            rate, ratio = max(measure(run), measure(run))
            floor_rate = floor_rate or rate
            title = f"{envoys:,} envoys: {name}"
            print(f"{title:34}{rate:>10,.0f}{ratio:>18,.0f}{rate / floor_rate:>10.2f}")


if __name__ == "__main__":
    main()
