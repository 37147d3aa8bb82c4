"""What can happen to an envoy's process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from simulator.faults.base import FaultBase, Firing, Settings, Touch
from simulator.faults.selector import Kind
from simulator.units import Duration
from simulator.world import Actor, World


class Death(Settings):
    """What comes after."""

    for_good: Annotated[bool, Field(description="whether it never comes back")] = False


class Outage(Settings):
    """How long it is away."""

    down: Annotated[Duration, Field(description="how long it is away")] = 5.0


class EnvoyKill(FaultBase):
    """The envoy's process is killed, and started afresh when the fault is over."""

    reach: ClassVar[tuple[Kind, ...]] = (Kind.ENVOY,)
    needs_life: ClassVar[bool] = True

    type: Literal["envoy.kill"]
    with_: Death = Field(default=Death(), alias="with")

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        del firing
        killed = await _kill(world, targets, Touch(world, self))
        try:
            yield
        finally:
            if not self.with_.for_good:
                await _start(killed)


class EnvoyRestart(FaultBase):
    """The envoy's process is killed and soon started again, with no memory of before."""

    reach: ClassVar[tuple[Kind, ...]] = (Kind.ENVOY,)
    needs_life: ClassVar[bool] = True

    type: Literal["envoy.restart"]
    with_: Outage = Field(default=Outage(), alias="with")

    def lasts(self) -> float | None:
        return self.with_.down

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        del firing
        killed = await _kill(world, targets, Touch(world, self))
        try:
            yield
        finally:
            await _start(killed)


class EnvoyPause(FaultBase):
    """The envoy's process is frozen: connections stay open, nothing is sent or read."""

    reach: ClassVar[tuple[Kind, ...]] = (Kind.ENVOY,)
    needs_life: ClassVar[bool] = True

    type: Literal["envoy.pause"]

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        holds = (firing or Firing()).holds
        touch = Touch(world, self)
        with ExitStack() as stack:
            for actor in _living(world, targets):
                touch.actor(actor.id, "pause")
                stack.enter_context(holds.paused(actor))
            yield


def _living(world: World, targets: Sequence[str]) -> Sequence[Actor]:
    actors = {actor.id: actor for actor in world.actors()}
    return [actors[name] for name in targets if name in actors and actors[name].is_alive]


async def _kill(world: World, targets: Sequence[str], touch: Touch) -> Sequence[Actor]:
    """Return those who were killed here; whoever was dead already is somebody else's to start."""
    living = _living(world, targets)
    for actor in living:
        touch.actor(actor.id, "kill")
        await actor.kill()
    return living


async def _start(killed: Sequence[Actor]) -> None:
    for actor in killed:
        if not actor.is_alive:
            await actor.start()
