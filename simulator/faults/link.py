"""What can happen to an actor's path to the Director, whatever travels on it."""

from abc import ABC
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from random import Random
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from simulator.faults.base import FaultBase, Firing, RuleFault, Settings, Touch, is_alive
from simulator.faults.rpc import LossBase
from simulator.faults.selector import Kind
from simulator.network.api import PASS, Delay, Direction, Message, Rule, Verdict
from simulator.units import Spread, draw
from simulator.world import World


class Slowness(Settings):
    """How slow the path is."""

    add: Annotated[Spread, Field(description="added to every message, both ways")] = 0.5


class LinkLatency(RuleFault):
    """Every message takes longer, both ways."""

    mode: ClassVar[str] = "latency"

    type: Literal["link.latency"]
    with_: Slowness = Field(default=Slowness(), alias="with")

    def affects(self, message: Message) -> bool:
        del message
        return True

    def verdict(self, message: Message, random: Random) -> Verdict:
        del message
        return Delay(draw(self.with_.add, random))


class LinkLoss(LossBase):
    """The connection is reset on any message, both ways; how often is its `probability`."""

    type: Literal["link.loss"]

    def affects(self, message: Message) -> bool:
        del message
        return True


class BlackholeBase(FaultBase, ABC):
    """A half-open path: no FIN, no RST; what was held arrives when it is over."""

    needs_life: ClassVar[bool] = True
    up: ClassVar[bool]
    down: ClassVar[bool]

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        holds = (firing or Firing()).holds
        touch = Touch(world, self)
        with ExitStack() as stack:
            stack.enter_context(world.network.rules.applied(self._witness(touch, targets)))
            for name in targets:
                link = world.network.link(name)
                stack.enter_context(holds.stalled(name, link, up=self.up, down=self.down))
                if is_alive(world, name):
                    touch.actor(name, "stall")
            yield

    def _witness(self, touch: Touch, targets: Sequence[str]) -> Rule:
        """Return a rule that lets all pass, and records whose calls get lost in the hole."""
        aimed = frozenset(targets)

        def see(message: Message) -> Verdict:
            is_first = message.direction is Direction.REQUEST and message.index == 0
            if is_first and message.actor in aimed:
                touch.message(message, "stall")
            return PASS

        return see


class LinkBlackhole(BlackholeBase):
    """Half-open: nothing passes either way, nobody is told, what was held arrives afterwards."""

    up: ClassVar[bool] = True
    down: ClassVar[bool] = True

    type: Literal["link.blackhole"]


class LinkBlackholeUp(BlackholeBase):
    """One-way hole towards the Director: the actor hears, but is not heard."""

    up: ClassVar[bool] = True
    down: ClassVar[bool] = False

    type: Literal["link.blackhole_up"]


class LinkBlackholeDown(BlackholeBase):
    """One-way hole from the Director: the actor is heard, but hears nothing."""

    up: ClassVar[bool] = False
    down: ClassVar[bool] = True

    type: Literal["link.blackhole_down"]


class LinkStrand(FaultBase):
    """The envoy's connection breaks, and the Director believes in it until the fault is over."""

    reach: ClassVar[tuple[Kind, ...]] = (Kind.ENVOY,)
    needs_life: ClassVar[bool] = True

    type: Literal["link.strand"]

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        del firing
        touch = Touch(world, self)
        with ExitStack() as stack:
            for name in targets:
                stack.callback(world.network.link(name).strand())
                if is_alive(world, name):
                    touch.actor(name, "strand")
            yield


class LinkCut(FaultBase):
    """The connection is reset once: calls in flight end UNAVAILABLE, the next one connects anew."""

    needs_life: ClassVar[bool] = True

    type: Literal["link.cut"]

    def lasts(self) -> float | None:
        return 0.0

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        del firing
        touch = Touch(world, self)
        for name in targets:
            world.network.link(name).cut()
            if is_alive(world, name):
                touch.actor(name, "cut")
        yield
