"""The figures of a server and its Director, shown to Prometheus for as long as it serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from director.extras import require
from director.interface import DirectorInterface, Measured
from director.transport.metering import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric


@asynccontextmanager
async def showing(
    director: DirectorInterface, meter: Meter, *, host: str, port: int
) -> AsyncIterator[int]:
    """Answer on a port of its own, and yield which it is.

    Raises:
        MissingExtraError: what it takes is not installed.
        OSError: the address cannot be had.
    """
    require("metrics")
    # A Director without the extra has to run, too.
    from director.metrics.endpoint import answering  # noqa: PLC0415
    from director.metrics.families import director_families, request_families  # noqa: PLC0415

    def collect() -> "Iterator[Metric]":
        yield from request_families(meter.figures())
        if isinstance(director, Measured):
            yield from director_families(director.figures())

    async with answering(host, port, collect) as bound:
        yield bound
