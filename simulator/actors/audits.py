"""How a frontend finds out, after a Director was away, whether all that is its own is still there.

What it is told is evidence of what survived; nobody else would ask for what has long ended.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from simulator.actors.frontend_client import FrontendClient
from simulator.actors.hands import Hands
from simulator.actors.profile import ROBUST
from simulator.actors.recording import CallError
from simulator.actors.watching import REMOVED, Watch
from simulator.history.entry import JsonObject

_COMES_BACK = "director.start"


@dataclass(slots=True)
class Audit:
    """Looks through a frontend's experiments each time that the Director has come back."""

    client: FrontendClient
    watch: Watch
    hands: Hands
    on_event: Callable[[Callable[[str, str, JsonObject], None]], Callable[[], None]]
    """The world's."""
    _is_due: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Look at all of it again and again, until it is cancelled."""
        stop = self.on_event(self._hear)
        try:
            while True:
                await self._is_due.wait()
                self._is_due.clear()
                await self._look_through()
        finally:
            stop()

    def _hear(self, actor: str, topic: str, value: JsonObject) -> None:
        del actor, value
        if topic == _COMES_BACK:
            self._is_due.set()

    async def _look_through(self) -> None:
        await self._patiently(self.client.experiments)
        for experiment, outcome in self.watch.outcomes():
            await self._patiently(partial(self.client.status, experiment))
            if outcome not in {"", REMOVED}:
                await self._read(experiment)

    async def _read(self, experiment: str) -> None:
        """Fetch what an ended experiment has left."""
        await self._patiently(partial(self.client.describe, experiment))
        await self._patiently(partial(self.client.model, experiment, "best"))
        await self._patiently(partial(self.client.model, experiment, "last"))
        deadline_s = ROBUST.transfer_deadline_s
        await self._patiently(partial(self.client.follow, experiment, deadline_s=deadline_s))

    async def _patiently(self, call: Callable[[], Awaitable[object]]) -> None:
        """Ask until there is an answer; once the Director has been away again, all is asked anew.

        Whoever wants to know for certain is patient, whatever else its profile says.
        """
        attempt = 0
        while not self._is_due.is_set():
            try:
                await call()
            except CallError as error:
                if error.is_refusal:
                    return
            else:
                return
            await self.hands.sleep(ROBUST.retry.draw(attempt, self.hands.random))
            attempt += 1
