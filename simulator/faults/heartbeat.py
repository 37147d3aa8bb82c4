"""What can happen to heartbeats, and to nothing else."""

from random import Random
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from simulator.faults.base import RuleFault, Settings
from simulator.faults.rpc import DropBase, DuplicateBase, Way
from simulator.faults.selector import Kind
from simulator.network.api import Delay, Direction, Message, Verdict
from simulator.units import Spread, draw

_METHOD = "UpdateEnvoyStatus"
_Way = Annotated[Way, Field(description="the heartbeat itself, or its answer")]


class Half(Settings):
    """Which half of a heartbeat is meant."""

    direction: _Way = "request"

    def holds(self, message: Message) -> bool:
        """Whether a message is that half of a heartbeat."""
        return message.method == _METHOD and message.direction == self.direction


class DelayedHalf(Half):
    """Which half of a heartbeat comes how late."""

    by: Annotated[Spread, Field(description="how much later")] = 1.0


class HeartbeatDrop(DropBase):
    """Heartbeats never arrive, or their answers do not; the envoy is not told."""

    reach: ClassVar[tuple[Kind, ...]] = (Kind.ENVOY,)

    type: Literal["heartbeat.drop"]
    with_: Half = Field(default=Half(), alias="with")

    def affects(self, message: Message) -> bool:
        return self.with_.holds(message)


class HeartbeatDelay(RuleFault):
    """Heartbeats come late, or their answers do."""

    reach: ClassVar[tuple[Kind, ...]] = (Kind.ENVOY,)
    mode: ClassVar[str] = "delay"

    type: Literal["heartbeat.delay"]
    with_: DelayedHalf = Field(default=DelayedHalf(), alias="with")

    def affects(self, message: Message) -> bool:
        return self.with_.holds(message)

    def verdict(self, message: Message, random: Random) -> Verdict:
        del message
        return Delay(draw(self.with_.by, random))


class HeartbeatDuplicate(DuplicateBase):
    """Heartbeats arrive twice."""

    reach: ClassVar[tuple[Kind, ...]] = (Kind.ENVOY,)

    type: Literal["heartbeat.duplicate"]

    def affects(self, message: Message) -> bool:
        return message.method == _METHOD and message.direction is Direction.REQUEST
