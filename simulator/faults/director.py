"""What can happen to the Director's own process."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from simulator.faults.base import FaultBase, Firing, Settings
from simulator.faults.selector import Kind
from simulator.units import Duration
from simulator.world import Signal, World


class Restart(Settings):
    """How the Director goes down, and for how long."""

    signal: Annotated[
        Signal,
        Field(
            description="at once, after finishing what is open, at once and without whatever was"
            " not synced, or in the middle of the next write to the journal, half of which is there"
        ),
    ] = "kill"
    down: Annotated[Duration, Field(description="how long it is away")] = 5.0


class DirectorRestart(FaultBase):
    """The Director goes down and comes back; what it acknowledged must still be there."""

    reach: ClassVar[tuple[Kind, ...]] = ()

    type: Literal["director.restart"]
    with_: Restart = Field(default=Restart(), alias="with")

    def lasts(self) -> float | None:
        return self.with_.down

    def unsupported(self, *, world: str, director: str, identity: str) -> str | None:
        del identity
        if director == "external":
            return "a Director that runs elsewhere cannot be restarted from here"
        if self.with_.signal in {"power", "torn"} and world != "virtual":
            return "on a real disk nothing forgets what was not synced: there is 'signal: kill'"
        return None

    def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AbstractAsyncContextManager[None]:
        del targets, firing
        return world.restarting_director(signal=self.with_.signal)
