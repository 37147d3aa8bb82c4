"""What attackers have in common: one comes in at each firing, does its worst, and leaves."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from simulator.faults.base import FaultBase, Firing, Touch
from simulator.faults.selector import Kind
from simulator.world import Attack, World


class AttackBase(FaultBase, ABC):
    """A fault that is somebody's doing."""

    reach: ClassVar[tuple[Kind, ...]] = (Kind.ATTACKER,)

    @abstractmethod
    def attack(self, attacker: str, number: int) -> tuple[Attack, str]:
        """Return what the attacker does at this firing, and how the record calls it."""

    def lasts(self) -> float | None:
        return 0.0

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        number = (firing or Firing()).number
        for attacker in targets:
            attack, mode = self.attack(attacker, number)
            Touch(world, self).actor(attacker, mode)
            await world.attack(attacker, attack)
        yield


def experiment_of(attacker: str, number: int) -> str:
    """Return what an attacker calls the experiment of one firing."""
    return f"{attacker}-{number}"
