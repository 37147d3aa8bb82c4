"""How bytes flow in memory: pipes that may stall, inboxes of what has arrived, windows that fill.

Nothing here knows what a call is.
"""

import asyncio
from collections import deque
from collections.abc import Callable

WINDOW_BYTES = 64 * 1024
"""How much of a stream may be under way unread: HTTP/2's own first window."""

Delivery = Callable[..., object]


class Pipe:
    """One direction of a link: what is sent arrives at once, or, after a stall, in order."""

    __slots__ = ("_held", "_is_stalled")

    def __init__(self) -> None:
        self._is_stalled = False
        # No deque while nothing is held: an empty one is large, and every actor has two pipes.
        self._held: deque[tuple[Delivery, tuple[object, ...]]] | None = None

    def send(self, deliver: Delivery, *args: object) -> None:
        """Call `deliver` at the other end."""
        if self._held is None:
            deliver(*args)
        else:
            self._held.append((deliver, args))

    def stall(self) -> None:
        """Hold everything from now on."""
        self._is_stalled = True
        if self._held is None:
            self._held = deque()

    def heal(self) -> None:
        """Deliver what was held, and from now on everything at once."""
        self._is_stalled = False
        # What is sent meanwhile queues behind; a delivery may stall the pipe again.
        while self._held and not self._is_stalled:
            deliver, args = self._held.popleft()
            deliver(*args)
        if not self._is_stalled:
            self._held = None


class Inbox:
    """The part of a stream that has arrived and was not read yet; one reader at a time."""

    __slots__ = ("_ended", "_messages", "_reader")

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._ended = False
        self._reader: asyncio.Future[None] | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether a reader waits for what has not come."""
        return self._reader is not None and not self._reader.done()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there to be read."""
        return not self._messages

    def put(self, message: bytes) -> None:
        """Let a message arrive."""
        self._messages.append(message)
        self._wake()

    def end(self) -> None:
        """Let nothing follow; what has arrived can still be read."""
        self._ended = True
        self._wake()

    def discard(self) -> None:
        """Let nothing follow, and nothing be read."""
        self._messages.clear()
        self.end()

    async def get(self) -> bytes | None:
        """Return the next message, or None when none will come."""
        while not self._messages:
            if self._ended:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._messages.popleft()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class Window:
    """How much more a sender may send; one message always fits into an empty window."""

    __slots__ = ("_free", "_is_closed", "_senders")

    def __init__(self) -> None:
        self._free = WINDOW_BYTES
        self._is_closed = False
        self._senders: deque[asyncio.Future[None]] = deque()

    async def take(self, size: int) -> None:
        """Wait for room, and use it; senders get it in the order of their coming."""
        if self._free <= 0 or self._senders:
            sender = asyncio.get_running_loop().create_future()
            self._senders.append(sender)
            try:
                await sender
            except asyncio.CancelledError:
                if sender.done() and not sender.cancelled():
                    self._wake()  # the room it was given is the next one's
                raise
        self._free -= size
        self._wake()

    def give(self, size: int) -> None:
        """Make room again: so much was read at the other end."""
        self._free += size
        self._wake()

    def close(self) -> None:
        """Let every sender go on; the call is over, and they will see it."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        while self._senders and (self._free > 0 or self._is_closed):
            sender = self._senders.popleft()
            if not sender.done():
                sender.set_result(None)
                if not self._is_closed:
                    return  # it wakes the next one, if it leaves any room
