"""What can happen to the messages of chosen RPCs, for whoever is targeted."""

import asyncio
from abc import ABC
from random import Random
from typing import Annotated, ClassVar, Literal

import grpc
from pydantic import Field

from simulator.faults.base import RuleFault, Settings
from simulator.network.api import Delay, Direction, Drop, Duplicate, Message, Reject, Verdict
from simulator.units import Spread, draw
from simulator.world import World

UnaryRpc = Literal[
    "UpdateShardInfo",
    "WaitExperiment",
    "UpdateEnvoyStatus",
    "SetExperimentFailed",
    "GetExperimentStatus",
    "GetExperimentDescription",
    "GetExperimentsList",
    "GetDatasetInfo",
    "GetTrainedModel",
    "RemoveExperimentData",
    "GetEnvoys",
    "GetTasks",
    "GetAggregatedTensor",
]
"""One message there, one back."""

Rpc = Literal[
    UnaryRpc, "GetExperimentData", "SetNewExperiment", "GetMetricStream", "SendLocalTaskResults"
]
"""Every RPC of the Director and of its aggregators, by short name."""

Way = Literal["request", "response"]

_Methods = Annotated[tuple[Rpc, ...], Field(description="which RPCs; left out: all")]
_Way = Annotated[Way, Field(description="on the way there, or back")]


class Selection(Settings):
    """Which messages are meant."""

    methods: _Methods = ()
    direction: _Way = "request"

    def holds(self, message: Message) -> bool:
        """Whether a message is among them."""
        is_meant = not self.methods or message.method in self.methods
        return is_meant and message.direction == self.direction


class DelayedSelection(Selection):
    """Which messages are meant, and how late they come."""

    by: Annotated[Spread, Field(description="how much later")] = 1.0


class UnarySelection(Settings):
    """Which calls are meant; of streams, single messages are repeated by `stream.corrupt`."""

    methods: Annotated[
        tuple[UnaryRpc, ...], Field(description="which RPCs without streams; left out: all")
    ] = ()


_UNARY = frozenset(UnaryRpc.__args__)  # type: ignore[attr-defined]


def lost(fault: str) -> Reject:
    """Return the verdict for a message that meets a reset connection."""
    return Reject(grpc.StatusCode.UNAVAILABLE, f"Connection reset by peer ({fault})")


def reset_soon(world: World, actor: str) -> None:
    """Reset an actor's connection, with all else that is under way on it.

    Without it the Director could not tell a download whose last message was lost from one that
    arrived: it is the new connection that lets an envoy have its experiment again.
    """
    # Not at once: the call whose message is being judged ends by its verdict, in its own time.
    asyncio.get_running_loop().call_soon(world.network.link(actor).cut)


class LossBase(RuleFault, ABC):
    """A message meets a reset connection."""

    mode: ClassVar[str] = "loss"

    def verdict(self, message: Message, random: Random) -> Verdict:
        del message, random
        return lost(self.id)

    def aftermath(self, world: World, message: Message) -> None:
        reset_soon(world, message.actor)


class DropBase(RuleFault, ABC):
    """A message never arrives, and nobody is told."""

    mode: ClassVar[str] = "drop"

    def verdict(self, message: Message, random: Random) -> Verdict:
        del message, random
        return Drop()


class DuplicateBase(RuleFault, ABC):
    """A call is made twice."""

    mode: ClassVar[str] = "duplicate"

    def verdict(self, message: Message, random: Random) -> Verdict:
        del message, random
        return Duplicate()


class RpcLoss(LossBase):
    """The connection is reset on a message: calls under way end UNAVAILABLE."""

    type: Literal["rpc.loss"]
    with_: Selection = Field(default=Selection(), alias="with")

    def affects(self, message: Message) -> bool:
        return self.with_.holds(message)


class RpcDrop(DropBase):
    """A message vanishes, and nobody is told: its call hangs until its deadline."""

    type: Literal["rpc.drop"]
    with_: Selection = Field(default=Selection(), alias="with")

    def affects(self, message: Message) -> bool:
        return self.with_.holds(message)


class RpcDelay(RuleFault):
    """A message comes late, and so does what follows it in its stream."""

    mode: ClassVar[str] = "delay"

    type: Literal["rpc.delay"]
    with_: DelayedSelection = Field(default=DelayedSelection(), alias="with")

    def affects(self, message: Message) -> bool:
        return self.with_.holds(message)

    def verdict(self, message: Message, random: Random) -> Verdict:
        del message
        return Delay(draw(self.with_.by, random))


class RpcDuplicate(DuplicateBase):
    """A call is made twice, as by a careless retry: the Director must stand it."""

    type: Literal["rpc.duplicate"]
    with_: UnarySelection = Field(default=UnarySelection(), alias="with")

    def affects(self, message: Message) -> bool:
        methods = self.with_.methods or _UNARY
        return message.direction is Direction.REQUEST and message.method in methods
