"""What a Director leaves to the next: a disk in memory, with its journal and its archives.

A Director that dies leaves what a disk would keep; the next one opens what is left.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from director.storage.memory_disk import Kind, MemoryDisk, Operation, Survival
from director.storage.memory_folder import MemoryFolder
from director.storage.memory_state import MemoryState, memory_state
from simulator.world import Signal, StorageTrouble

_LEAVES = {"kill": Survival.WRITTEN, "power": Survival.SYNCED, "torn": Survival.TORN}
"""What a death leaves of what was not synced."""

_ERRORS = {"full": errno.ENOSPC, "error": errno.EIO}
_BLOBS = "blobs"
_JOURNAL = "journal/journal"


def is_append(operation: Operation) -> bool:
    """Whether something has been written to the journal, and is about to be synced."""
    is_written = operation.kind is Kind.SYNC_FILE and not operation.is_done
    return is_written and operation.path == _JOURNAL


class Kept:
    """A disk that outlives the Directors that use it."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self._survival = Survival.WRITTEN

    def opened(self) -> MemoryState:
        """Return journal and archives for one Director.

        Raises:
            StateError: what is left cannot be used.
            OSError: the disk fails.
        """
        if self.disk.is_down:
            self.disk.revive(self._survival)
        return memory_state(self.disk)

    def sever(self, signal: Signal) -> None:
        """Let nothing more be done by whoever uses it."""
        self._survival = _LEAVES[signal]
        self.disk.crash()

    @contextmanager
    def troubled(self, trouble: StorageTrouble) -> Iterator[None]:
        """Let the disk be full or fail for as long as the block runs; what rots stays rotten."""
        if trouble == "rot":
            self._rot()
            yield
            return

        def refuse(operation: Operation) -> None:
            if not operation.is_done:
                raise OSError(_ERRORS[trouble], "as the scenario asks")

        stop = self.disk.watch(refuse)
        try:
            yield
        finally:
            stop()

    def _rot(self) -> None:
        """Flip a bit in the middle of every stored file, where no format has its marks."""
        folder = MemoryFolder(self.disk, _BLOBS)
        for name in folder.names():
            if size := folder.size_of(name):
                self.disk.spoil(_BLOBS, name, size // 2)
