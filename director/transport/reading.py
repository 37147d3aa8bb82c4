"""Requests that come as a stream, read so that nobody who gives up on them does harm.

When a read is cancelled, grpc.aio lets go of the place that gRPC goes on to write to.  So a read
that has begun is never cancelled: it is left alone, and ends with its call.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar, cast

from typing_extensions import override

Item = TypeVar("Item")

_END = object()


class Reads(AsyncIterator[Item], Generic[Item]):
    """The same items; whoever waits for one may be cancelled, and is to wait for no other."""

    def __init__(self, messages: AsyncIterator[Item]) -> None:
        self._messages = messages

    @override
    async def __anext__(self) -> Item:
        # Only now: grpc.aio warns of what was asked for, and not read.
        reading = asyncio.ensure_future(anext(aiter(self._messages), _END))
        reading.add_done_callback(_heard)
        item = await asyncio.shield(reading)
        if item is _END:
            raise StopAsyncIteration
        return cast("Item", item)


def _heard(reading: asyncio.Future[object]) -> None:
    """Let how a read ended that nobody waits for go without saying."""
    if not reading.cancelled():
        reading.exception()
