"""The weather: latency and loss that are always there, for everybody; made of the same rules."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from simulator.faults.rpc import lost, reset_soon
from simulator.network.api import PASS, Delay, Message, Rule, Verdict
from simulator.units import OfLogNormal, OfNormal, OfUniform, Share, Spread, draw
from simulator.world import World

NAME = "weather"
"""What the record calls it; no fault may take the name."""


class Weather(BaseModel):
    """How the network is while nothing goes wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency: Annotated[Spread, Field(description="of each message, one way")] = 0.0
    loss: Annotated[Share, Field(description="of messages that meet a reset connection")] = 0.0

    @contextmanager
    def over(self, world: World) -> Iterator[None]:
        """Let it blow for as long as the context lasts."""
        with ExitStack() as stack:
            for rule in self._rules(world):
                stack.enter_context(world.network.rules.applied(rule))
            yield

    def transit_s(self) -> float:
        """Return the longest that a message takes one way; no draw exceeds it."""
        match self.latency:
            case OfUniform(uniform=spread):
                return spread.high
            case OfNormal(normal=spread):
                # Beyond six sigmas lies one draw in a billion.
                return spread.mean + 6 * spread.sd
            case OfLogNormal(lognormal=spread):
                return spread.p99 * 10
            case constant:
                return constant

    def _rules(self, world: World) -> list[Rule]:
        rules = []
        if self.loss:
            rules.append(self._losing(world))
        if self.latency:
            rules.append(self._delaying(world))
        return rules

    def _delaying(self, world: World) -> Rule:
        latency, longest_s = self.latency, self.transit_s()

        def delay(message: Message) -> Verdict:
            random = world.random(f"{NAME}/latency/{message.actor}")
            return Delay(min(longest_s, draw(latency, random)))

        return delay

    def _losing(self, world: World) -> Rule:
        def lose(message: Message) -> Verdict:
            if world.random(f"{NAME}/loss/{message.actor}").random() >= self.loss:
                return PASS
            value = {
                "fault": NAME,
                "type": NAME,
                "method": message.method,
                "direction": message.direction.value,
                "mode": "loss",
            }
            world.record.note("fault.touch", value, actor=message.actor, call=message.call)
            reset_soon(world, message.actor)
            return lost(NAME)

        return lose
