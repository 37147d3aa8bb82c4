"""The observer: a frontend without experiments, who reads the list of envoys and asks strangers'.

Nobody harms it and it harms nobody; what it sees is evidence for the checkers.
"""

from itertools import cycle
from typing import get_args

from simulator.actors.actor import ActorBase, Person
from simulator.actors.frontend_client import FrontendClient
from simulator.actors.prying import pried
from simulator.actors.recording import CallError
from simulator.actors.steps import OwnerRpc
from simulator.history.entry import JsonObject
from simulator.world import World

# All that can be asked without doing any harm where a Director is wrong about who may.
_HARMLESS = tuple(rpc for rpc in get_args(OwnerRpc) if rpc != "RemoveExperimentData")
_NEVER_WAS = "never-was"
# Shapes seldom change, and nobody's secret is tried at every turn.
_RARELY = 5
# After a look that failed: this share of the interval.
_SOON = 0.1


class Observer(ActorBase):
    """Looks at the federation at intervals, until it is ended."""

    def __init__(self, world: World, person: Person, *, every_s: float = 10.0) -> None:
        super().__init__(world, person)
        self._every_s = every_s
        self._others: list[str] = []

    async def _live(self) -> None:
        client = FrontendClient(self._caller())
        # From now on, for as long as the run lasts: experiments are known by their acceptance.
        stop = self._world.on_event(self._listen)
        try:
            await self._look_for_ever(client)
        finally:
            stop()

    async def _look_for_ever(self, client: FrontendClient) -> None:
        rpcs = cycle(_HARMLESS)
        turn = 0
        while True:
            await self._look(client, turn)
            if turn % _RARELY == _RARELY - 1:
                await pried(client, next(rpcs), self._stranger(turn // _RARELY))
            turn += 1
            await self._sleep(self._every_s)

    async def _look(self, client: FrontendClient, turn: int) -> None:
        """Look until something is seen: a look that failed leaves a hole in the evidence."""
        while True:
            try:
                await client.envoys()
                if turn % _RARELY == 0:
                    await client.dataset()
            except CallError:
                await self._sleep(_SOON * self._every_s)
            else:
                return

    def _stranger(self, number: int) -> str:
        """Return another's experiment, or now and then one that never was."""
        known = [*self._others, _NEVER_WAS]
        return known[number % len(known)]

    def _listen(self, actor: str, topic: str, value: JsonObject) -> None:
        experiment = value.get("experiment")
        is_news = topic == "experiment.accepted" and actor != self.id
        if is_news and isinstance(experiment, str) and experiment not in self._others:
            self._others.append(experiment)
