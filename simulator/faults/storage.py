"""What can happen to the disk on which the Director keeps what it must not forget."""

from abc import ABC
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Literal

from simulator.faults.base import FaultBase, Firing
from simulator.faults.selector import Kind
from simulator.world import StorageTrouble, World


class StorageFault(FaultBase, ABC):
    """Something is wrong with the disk, and with nothing else."""

    reach: ClassVar[tuple[Kind, ...]] = ()
    trouble: ClassVar[StorageTrouble]

    def unsupported(self, *, world: str, director: str, identity: str) -> str | None:
        del world, identity
        if director != "inprocess":
            return "only a disk in memory can be made to fail: there is 'run: inprocess'"
        return None

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        del targets, firing
        with world.troubling_storage(self.trouble):
            yield


class StorageFull(StorageFault):
    """The Director's disk has no room: whatever would be written is refused."""

    trouble: ClassVar[StorageTrouble] = "full"

    type: Literal["storage.full"]


class StorageError(StorageFault):
    """The Director's disk fails: whatever would be written ends in an error."""

    trouble: ClassVar[StorageTrouble] = "error"

    type: Literal["storage.error"]


class StorageRot(StorageFault):
    """A bit flips in every file that the Director has stored, and stays so."""

    trouble: ClassVar[StorageTrouble] = "rot"

    type: Literal["storage.rot"]
