"""Models and tensors on their way to who asked for them: large, and in memory until taken."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, cast

from director.core.model import Model
from director.errors import LimitExceededError, UnavailableError
from director.settings import Settings
from director.shell.places import Line, Shares
from director.transport.connections import cut
from director.transport.status import Context
from director.transport.tensors import model_answer

_MOST_TENSORS = 16
"""Of one collaborator: it asks for one after another, and some may be of lost connections."""
_SLOWEST_BYTES_PER_S = 2**18
"""What a line has to bear: nothing tells how much of an answer its client has taken."""


class Fetches:
    """All of one Director, over either of its services."""

    def __init__(self, settings: Settings) -> None:
        limits = settings.limits
        self._line = Line("models", limits.max_model_fetches, limits.max_model_fetches_per_owner)
        self._most = limits.max_model_fetches
        self._tensors = Shares("tensors", _MOST_TENSORS)
        self._idle_s = settings.download_idle_s

    def __len__(self) -> int:
        return len(self._line)

    async def answer(
        self, context: Context, owner: str, load: Callable[[], Awaitable[Model]]
    ) -> bytes:
        """Return a TrainedModelResponse, encoded, once there is a place for it.

        The place is free again when the client has taken the answer or is gone; one that takes
        much too long for it is cut off.

        Raises:
            LimitExceededError: its owner fetches too many at once, or no place got free in time.
        """
        with ExitStack() as held:
            held.enter_context(self._line.joined(owner))
            await self._wait_for_a_place()
            held.callback(self._line.place.release)
            content = model_answer(await load())
            self._hold(held.pop_all(), context, len(content))
            return content

    async def _wait_for_a_place(self) -> None:
        try:
            async with asyncio.timeout(self._idle_s):
                await self._line.place.acquire()
        except TimeoutError:
            raise LimitExceededError(
                f"{self._most} models are being fetched, which is the limit: ask again later"
            ) from None

    def note_tensor(self, context: Context, collaborator: str, size_bytes: int) -> None:
        """Count a tensor that a collaborator is about to be sent, until it has taken it.

        Raises:
            UnavailableError: it has not taken many that it has asked for.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self._tensors.taken(collaborator))
            except LimitExceededError as error:
                raise UnavailableError(str(error)) from None
            self._hold(held.pop_all(), context, size_bytes)

    def _hold(self, held: ExitStack, context: Context, size_bytes: int) -> None:
        """Hold a place until the call ends, or its client has taken too long."""
        patience_s = self._idle_s + size_bytes / _SLOWEST_BYTES_PER_S
        timer = asyncio.get_running_loop().call_later(patience_s, cut, context.peer())
        held.callback(timer.cancel)

        def end(_: Context) -> None:
            held.close()

        # The library's type for it cannot be subclassed by a function.
        context.add_done_callback(cast("Any", end))
