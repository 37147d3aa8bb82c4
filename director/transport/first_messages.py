"""Waiting for the message of a request, and not for ever: a call may be opened and say nothing.

gRPC waits by itself for the only message of a request, for as long as the connection lives.  So
handlers take it from a stream, and whoever lets it be waited for is refused.
"""

import asyncio
from contextlib import suppress
from typing import cast

import grpc.aio
from google.protobuf.message import DecodeError

from director.errors import UnavailableError
from director.transport.status import Codes, Context, refusals_as_status
from director.transport.streams import confirm_client


class FirstMessages:
    """All messages that are waited for; one alarm for all, as most come at once."""

    def __init__(self, within_s: float, codes: Codes) -> None:
        self._within_s = within_s
        self._codes = codes
        self._since: dict[Context, float] = {}
        """Whose message is waited for, and from when on: the longest first."""
        self._alarm: asyncio.TimerHandle | None = None
        self._refusals: set[asyncio.Task[None]] = set()

    async def of(self, context: Context) -> bytes:
        """Return the message of a request; where it does not come, the call is refused meanwhile.

        Raises:
            DecodeError: it has none.
        """
        loop = asyncio.get_running_loop()
        self._since[context] = loop.time()
        if self._alarm is None:
            self._alarm = loop.call_later(self._within_s, self._ring)
        try:
            content = await context.read()
        finally:
            self._since.pop(context, None)
        if content is grpc.aio.EOF:
            await confirm_client(context)
            raise DecodeError("no message")
        return cast("bytes", content)

    def _ring(self) -> None:
        self._alarm = None
        loop = asyncio.get_running_loop()
        for context, since in tuple(self._since.items()):
            due = since + self._within_s
            if due > loop.time():
                self._alarm = loop.call_at(due, self._ring)
                return
            del self._since[context]
            refusal = loop.create_task(self._refuse(context))
            self._refusals.add(refusal)
            refusal.add_done_callback(self._refusals.discard)

    async def _refuse(self, context: Context) -> None:
        # The read ends with its call.  It must not be cancelled, for the reason in `reading`.
        with suppress(grpc.aio.BaseError):
            async with refusals_as_status(context, self._codes):
                raise UnavailableError(
                    f"the message of your request did not come for {self._within_s:g} s"
                )
