"""A small storm over the network in memory, told line by line; the same bytes in every run."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import grpc
import grpc.aio

from simulator.engine.loop import VirtualTimeLoop
from simulator.network.api import PASS, Delay, Drop, Duplicate, Message, Reject, Verdict
from simulator.network.memory import MemoryNetwork

Context = grpc.aio.ServicerContext[Any, Any]


class Storm:
    """Actors that call, rules and links that break, and what everybody saw of it."""

    def __init__(self, seed: int) -> None:
        self.lines: list[str] = []
        self._random = Random(seed)

    def tell(self, line: str) -> None:
        self.lines.append(f"{asyncio.get_running_loop().time():.9f} {line}")

    def judge(self, message: Message) -> Verdict:
        dice = self._random.random()
        self.tell(f"{message.actor} {message.method} {message.direction} {message.index}")
        if dice < 0.05:
            return Drop()
        if dice < 0.10:
            return Reject(grpc.StatusCode.UNAVAILABLE, "lost")
        if dice < 0.15:
            return Duplicate()
        return Delay(round(dice / 10, 3)) if dice < 0.8 else PASS

    async def echo(self, request: bytes, context: Context) -> bytes:
        self.tell(f"server echo {request!r} of {context.peer()}")
        await asyncio.sleep(self._random.random())
        return request

    async def count(self, request: bytes, _: Context) -> AsyncIterator[bytes]:
        try:
            for number in range(5):
                yield b"%d" % number
                await asyncio.sleep(0.1)
        finally:
            self.tell(f"server count {request!r} is over")

    async def receive(self, requests: AsyncIterator[bytes], _: Context) -> bytes:
        got = 0
        try:
            async for _request in requests:
                got += 1
            await asyncio.sleep(0.01)
        finally:
            self.tell(f"server got {got}")
        return b"%d" % got

    async def actor(self, network: MemoryNetwork, name: str) -> None:
        channel = network.connect(name, credentials=None)
        random = Random(name)
        for number in range(10):
            await asyncio.sleep(random.random())
            for kind in ("echo", "count", "receive"):
                try:
                    answer = await self._call(channel, kind, b"%d" % number)
                except grpc.aio.AioRpcError as error:
                    answer = error.code().name
                self.tell(f"{name} {kind} {number}: {answer!r}")
        await channel.close()

    async def _call(self, channel: Any, kind: str, request: bytes) -> object:
        path = f"/squall.Test/{kind}"
        match kind:
            case "echo":
                return await channel.unary_unary(path)(request, timeout=2)
            case "count":
                call = channel.unary_stream(path)(request, timeout=2)
                return [response async for response in call]
            case _:
                return await channel.stream_unary(path)([request] * 3, timeout=2)

    async def break_links(self, network: MemoryNetwork, names: list[str]) -> None:
        for _ in range(30):
            await asyncio.sleep(self._random.random())
            link = network.link(self._random.choice(names))
            if self._random.random() < 0.3:
                link.cut()
            else:
                link.stall(from_director=self._random.random() < 0.5)
                asyncio.get_running_loop().call_later(self._random.random() * 2, link.heal)

    async def main(self) -> None:
        network = MemoryNetwork(server_credentials=None, now=lambda: 0.0)
        handlers: Any = {
            "echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "count": grpc.unary_stream_rpc_method_handler(self.count),
            "receive": grpc.stream_unary_rpc_method_handler(self.receive),
        }
        network.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("squall.Test", handlers),)
        )
        await network.server.start()
        names = [f"hospital-{number}" for number in range(8)]
        with network.rules.applied(self.judge):
            tasks = [asyncio.create_task(self.actor(network, name)) for name in names]
            tasks.append(asyncio.create_task(self.break_links(network, names)))
            for task in tasks:
                await task
        await network.close()
        self.tell(f"the end, {network.open_calls()} calls open")


def storm(seed: int) -> list[str]:
    """Let it rage; return what happened."""
    told = Storm(seed)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(told.main())
    return told.lines


if __name__ == "__main__":
    import sys

    sys.stdout.write("\n".join(storm(7)))
