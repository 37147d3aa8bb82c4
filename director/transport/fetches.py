"""Trained models on their way to their owners: large, and in memory until they are taken."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, cast

from director.core.model import Model
from director.settings import Settings
from director.shell.places import Line
from director.transport.connections import cut
from director.transport.status import Context
from director.transport.tensors import model_answer


class Fetches:
    """All of one Director, over either of its services."""

    def __init__(self, settings: Settings) -> None:
        limits = settings.limits
        self._line = Line("models", limits.max_model_fetches, limits.max_model_fetches_per_owner)
        self._chunk_bytes = settings.chunk_bytes
        self._idle_s = settings.download_idle_s

    def __len__(self) -> int:
        return len(self._line)

    async def answer(
        self, context: Context, owner: str, load: Callable[[], Awaitable[Model]]
    ) -> bytes:
        """Return a TrainedModelResponse, encoded, once there is a place for it.

        The place is free again when the client has taken the answer or is gone; one that takes it
        more slowly than it might take an archive is cut off.

        Raises:
            LimitExceededError: its owner fetches too many at once.
        """
        with ExitStack() as held:
            held.enter_context(self._line.joined(owner))
            await self._line.place.acquire()
            held.callback(self._line.place.release)
            content = model_answer(await load())
            loop = asyncio.get_running_loop()
            patience_s = self._idle_s * max(1.0, len(content) / self._chunk_bytes)
            held.callback(loop.call_later(patience_s, cut, context.peer()).cancel)
            fetch = held.pop_all()

        def end(_: Context) -> None:
            fetch.close()

        # The library's type for it cannot be subclassed by a function.
        context.add_done_callback(cast("Any", end))
        return content
