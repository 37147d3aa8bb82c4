"""Where Prometheus asks: HTTP on a port of its own, answered from a registry of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

Collect = Callable[[], Iterable[Metric]]

_PATIENCE_S = 10.0
"""What Prometheus itself waits for an answer."""


@asynccontextmanager
async def answering(host: str, port: int, collect: Collect) -> AsyncIterator[int]:
    """Answer for as long as the block runs; yields the port.

    `collect` is called on this event loop, so that it sees nothing that is half done; the text is
    made of what it returns in a thread.

    Raises:
        OSError: the address cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(_OnLoop(asyncio.get_running_loop(), collect))
    ProcessCollector(registry=registry)
    # Looks the host's name up, which may take its time.
    server, _ = await asyncio.to_thread(start_http_server, port, host, registry)
    try:
        yield server.server_port
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()


class _OnLoop(Collector):
    """Is asked in a thread, and asks the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, collect: Collect) -> None:
        self._loop = loop
        self._collect = collect

    @override
    def collect(self) -> Iterable[Metric]:
        answer = asyncio.run_coroutine_threadsafe(self._collected(), self._loop)
        return answer.result(_PATIENCE_S)

    async def _collected(self) -> list[Metric]:
        return list(self._collect())
