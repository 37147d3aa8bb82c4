"""What a frontend sends to submit an experiment, and what the history says of it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protos import director_pb2 as pb
from simulator.history.entry import JsonObject
from simulator.network.api import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One upload, whole or wrong in one way."""

    told: JsonObject
    """Its value in the history."""
    messages: tuple[pb.ExperimentInfo, ...]
    silent_after: int | None = None
    """After so many messages the client says nothing more."""
    hangs_up: bool = False
    """Whether it cancels the call then."""
    deadline_s: float | None = None
    """Left out: as the profile says."""


class Parts:
    """The messages of an upload, one by one.

    Not an async generator: those are finalised whenever the garbage collector comes by.
    """

    def __init__(self, upload: Upload, gate: Gate) -> None:
        self._messages = deque(upload.messages)
        self._gate = gate
        self._until_silent = upload.silent_after
        self.on_silence: Callable[[], object] | None = None

    def __aiter__(self) -> "Parts":
        return self

    async def __anext__(self) -> pb.ExperimentInfo:
        await self._gate.passed()
        if self._until_silent == 0:
            await self._stay_silent()
        if not self._messages:
            raise StopAsyncIteration
        if self._until_silent is not None:
            self._until_silent -= 1
        return self._messages.popleft()

    async def _stay_silent(self) -> None:
        loop = asyncio.get_running_loop()
        if self.on_silence is not None:
            # Not from in here: this runs as a part of the very call that is to be hung up.
            loop.call_soon(self.on_silence)
        await loop.create_future()


def cut(content: bytes, size_bytes: int) -> Sequence[bytes]:
    """Cut bytes in pieces of a size, the last one shorter; none of nothing."""
    return [content[start : start + size_bytes] for start in range(0, len(content), size_bytes)]
