"""Results of tasks, which come in pieces: put together with distrust, and not too many at once.

Who sends them stands at their beginning: strangers are sent away before they have sent much.
Everybody else gets through: where too much has come of all together, only the first goes on until
there is room again, and the network holds up the others.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.protobuf.message import DecodeError

from director.errors import LimitExceededError, UnavailableError
from director.settings import Settings
from director.shell.pace import Pace
from director.transport.parts import number
from director.transport.upload_messages import data_of
from protos import aggregator_pb2, base_pb2

_HEADER = 0x0A
"""The byte before it: field 1, with a length."""
_MAX_HEADER_BYTES = 2**16
_LONGEST = 6
"""Bytes that tell the field and its length."""

_MOST_OF_ONE = 4
"""A collaborator sends one after another: those before are likely to be of lost connections."""


class Arrivals:
    """All results that are under way to a Director, over whichever port."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admitted: dict[Arrival, None] = {}
        """Oldest first."""
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._admitted)

    @asynccontextmanager
    async def begun(self, pieces: AsyncIterator[base_pb2.DataStream]) -> AsyncIterator["Arrival"]:
        """Take results in for as long as the block runs.

        Raises:
            UnavailableError: newer ones of the same sender have taken their place.
        """
        arrival = Arrival(self, pieces, self._settings)
        try:
            async with arrival.displaceable():
                yield arrival
        finally:
            self._admitted.pop(arrival, None)
            self._held_bytes -= arrival.size_bytes
            arrival.let_go()
            self._wake()

    def admit(self, arrival: "Arrival") -> None:
        """Let results come whose sender is known."""
        of_the_same = [other for other in self._admitted if other.sender == arrival.sender]
        if len(of_the_same) >= _MOST_OF_ONE:
            of_the_same[0].displace()
            del self._admitted[of_the_same[0]]
        self._admitted[arrival] = None

    def hold(self, size_bytes: int) -> None:
        """Count what has come."""
        self._held_bytes += size_bytes

    async def room_for(self, arrival: "Arrival") -> None:
        """Return once it is its turn to bring more."""
        limit = self._settings.limits.max_arriving_bytes
        while self._held_bytes >= limit and next(iter(self._admitted), arrival) is not arrival:
            await arrival.woken()

    def _wake(self) -> None:
        for arrival in self._admitted:
            arrival.wake()


class Arrival:
    """Results of one task."""

    def __init__(
        self, arrivals: Arrivals, pieces: AsyncIterator[base_pb2.DataStream], settings: Settings
    ) -> None:
        self._arrivals = arrivals
        self._pieces = pieces
        self._limit = settings.limits.max_result_bytes
        self._pace = Pace(
            idle_s=settings.upload_idle_s, bytes_per_s=settings.min_upload_bytes_per_s
        )
        self._content = bytearray()
        self._life = asyncio.timeout(None)
        self._waking: asyncio.Future[None] | None = None
        self.sender = ""
        self.size_bytes = 0

    async def header(self) -> aggregator_pb2.MessageHeader | None:
        """Return what they begin with; None where there is nothing at all.

        Raises:
            DecodeError: it is something else.
            InvalidUploadError: a piece lies about its size.
            UnavailableError: nothing came for too long.
        """
        while await self._take():
            header = _header_in(self._content)
            if header is not None:
                return header
        if self._content:
            raise DecodeError("the header is cut")
        return None

    async def content(self, sender: str) -> bytes:
        """Return the whole of them, when the sender is known and welcome.

        Raises:
            InvalidUploadError: a piece lies about its size.
            LimitExceededError: there are too many bytes.
            UnavailableError: nothing came for too long, or newer ones have taken their place.
        """
        self.sender = sender
        self._arrivals.admit(self)
        await self._arrivals.room_for(self)
        while await self._take():
            await self._arrivals.room_for(self)
        return bytes(self._content)

    async def _take(self) -> bool:
        """Take the next piece in, if there is one."""
        try:
            async with self._pace.waited_for():
                piece = await anext(self._pieces, None)
        except TimeoutError:
            raise UnavailableError("too little of the results came for too long") from None
        if piece is None:
            return False
        chunk = data_of(piece)
        self._pace.gain(len(chunk))
        self.size_bytes += len(chunk)
        self._arrivals.hold(len(chunk))
        if self.size_bytes > self._limit:
            raise LimitExceededError(f"a task's results may have at most {self._limit} bytes")
        self._content += chunk
        return True

    # ------------------------------------------------------------ among others

    @asynccontextmanager
    async def displaceable(self) -> AsyncIterator[None]:
        """Run a block that ends as soon as the results are displaced."""
        try:
            async with self._life:
                yield
        except TimeoutError:
            raise UnavailableError("newer results of yours have taken their place") from None

    def let_go(self) -> None:
        """Keep nothing of what has come: a refusal's traceback may live on for a while."""
        self._content = bytearray()

    def displace(self) -> None:
        """Give way to newer ones."""
        self._life.reschedule(asyncio.get_running_loop().time())

    async def woken(self) -> None:
        """Return once something has changed."""
        self._waking = asyncio.get_running_loop().create_future()
        await self._waking

    def wake(self) -> None:
        """Look again whether there is room."""
        if self._waking is not None and not self._waking.done():
            self._waking.set_result(None)


def _header_in(begun: bytearray) -> aggregator_pb2.MessageHeader | None:
    """Return the header, or None as long as it is not all there.

    Raises:
        DecodeError: this is not how a header begins.
    """
    if not begun:
        return None
    length, start = number(begun, 1)
    is_cut = start > len(begun)
    if begun[0] != _HEADER or length > _MAX_HEADER_BYTES or (is_cut and len(begun) > _LONGEST):
        raise DecodeError("no header")
    if is_cut or start + length > len(begun):
        return None
    return aggregator_pb2.MessageHeader.FromString(bytes(begun[start : start + length]))
