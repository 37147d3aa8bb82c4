"""A disk in memory that loses in a crash what was not synced; it outlives the Directors on it.

A simulation crashes it where it likes, before or after any operation that changes it:

    disk = MemoryDisk()
    state = memory_state(disk, offload=inline)  # a journal and archives, for one Director
    disk.watch(lambda operation: ...)     # told before and after each; may raise OSError, or crash
    disk.crash()                          # from now on every operation fails, as after a power cut
    disk.revive()                         # the next Director finds what had been synced

Nothing here waits, starts threads or draws lots: the same calls give the same disk.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What an operation does to the disk."""

    CREATE = "create"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC_FILE = "sync file"
    REPLACE = "replace"
    REMOVE = "remove"
    SYNC = "sync folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One change of the disk, about to be done or done."""

    number: int
    """Counted from 1 over the life of the disk."""
    kind: Kind
    path: str
    is_done: bool


class Survival(Enum):
    """What of the unsynced a crash leaves behind."""

    SYNCED = "synced"
    """Nothing: the power went."""
    WRITTEN = "written"
    """All of it: the process was killed, and the operating system lives on."""
    TORN = "torn"
    """The first half of what was written to each file; names as with WRITTEN."""


Watcher = Callable[[Operation], object]


class Node:
    """A file's content, now and as it was last synced."""

    def __init__(self) -> None:
        self.content = bytearray()
        # A journal is synced after every few bytes: to copy all of it each time would take ages.
        self._synced_length = 0
        self._overwritten: bytes | None = None
        """What was synced, where that is no longer how the content begins."""

    @property
    def synced(self) -> bytes:
        """The content as it was last synced."""
        if self._overwritten is not None:
            return self._overwritten
        return bytes(self.content[: self._synced_length])

    def sync(self) -> None:
        """Let the content survive as it is."""
        self._synced_length = len(self.content)
        self._overwritten = None

    def write(self, offset: int, content: bytes) -> None:
        """Put something at a place, be it beyond the end."""
        self._will_change(offset)
        if offset > len(self.content):
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset : offset + len(content)] = content

    def resize(self, length: int) -> None:
        """Cut the content off, or fill it up with zeros."""
        self._will_change(length)
        if length < len(self.content):
            del self.content[length:]
        else:
            self.content.extend(bytes(length - len(self.content)))

    def _will_change(self, offset: int) -> None:
        if offset < self._synced_length and self._overwritten is None:
            self._overwritten = self.synced

    def survive(self, survival: Survival) -> None:
        """Become what a crash leaves of it."""
        if survival is Survival.SYNCED:
            self.content = bytearray(self.synced)
        elif survival is Survival.TORN:
            synced = self._synced_length if self._overwritten is None else len(self._overwritten)
            kept = min(synced, len(self.content))
            del self.content[kept + (len(self.content) - kept) // 2 :]
        self.sync()


class MemoryDisk:
    """Folders of files; `capacity_bytes` may be changed at any time."""

    def __init__(self, *, capacity_bytes: int | None = None) -> None:
        self.capacity_bytes = capacity_bytes
        self.operations = 0
        """How many there were; the next one is numbered one more."""
        self.life = 1
        """Counts how often the disk came up; whatever was opened before is dead."""
        self._is_down = False
        self._folders: dict[str, dict[str, Node]] = {}
        self._synced: dict[str, dict[str, Node]] = {}
        self._watchers: list[Watcher] = []

    def __repr__(self) -> str:
        return f"<MemoryDisk: {self.used_bytes} bytes, {self.operations} operations>"

    @property
    def used_bytes(self) -> int:
        """How much is stored, whether it would survive or not."""
        nodes = (node for folder in self._folders.values() for node in folder.values())
        return sum(len(node.content) for node in nodes)

    # ------------------------------------------------------------ what goes wrong

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell somebody of every operation, before and after it; returns how to stop.

        What it raises before an operation, the operation raises without being done.
        """
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def crash(self) -> None:
        """Let every operation fail from now on."""
        self._is_down = True

    @property
    def is_down(self) -> bool:
        """Whether it has crashed, and not been revived."""
        return self._is_down

    def revive(self, survival: Survival = Survival.SYNCED) -> None:
        """Come up again with what the crash has left."""
        self._is_down = False
        self.life += 1
        source = self._synced if survival is Survival.SYNCED else self._folders
        self._folders = {name: dict(folder) for name, folder in source.items()}
        self._synced = {name: dict(folder) for name, folder in source.items()}
        for folder in self._folders.values():
            for node in folder.values():
                node.survive(survival)

    def spoil(self, folder: str, name: str, offset: int) -> None:
        """Flip a bit of a file, as a disk may that grows old."""
        node = self._folders[folder][name]
        node.content[offset] ^= 1
        node.sync()

    def truncate(self, folder: str, name: str, length: int) -> None:
        """Cut a file, as an interrupted copy may."""
        node = self._folders[folder][name]
        del node.content[length:]
        node.sync()

    # ------------------------------------------------------------ for its folders

    def files(self, folder: str, life: int) -> dict[str, Node]:
        """Return the files of a folder, which is made where it is not there.

        Raises:
            OSError: the disk is down, or this is not the life of it that the caller knew.
        """
        self._check(life)
        self._synced.setdefault(folder, {})
        return self._folders.setdefault(folder, {})

    def _check(self, life: int) -> None:
        if self._is_down or life != self.life:
            raise OSError(errno.EIO, "the disk is gone")

    def change(self, kind: Kind, path: str, life: int, work: Callable[[], None]) -> None:
        """Do an operation, with everybody watching."""
        self._check(life)
        self.operations += 1
        number = self.operations
        self._tell(Operation(number=number, kind=kind, path=path, is_done=False))
        self._check(life)
        work()
        self._tell(Operation(number=number, kind=kind, path=path, is_done=True))
        self._check(life)

    def _tell(self, operation: Operation) -> None:
        for watcher in tuple(self._watchers):
            watcher(operation)

    def check_room(self, growth: int) -> None:
        """Raises OSError where so much more does not fit."""
        if self.capacity_bytes is None or growth <= 0:
            return
        if self.used_bytes + growth > self.capacity_bytes:
            raise OSError(errno.ENOSPC, "no space left on device")

    def sync_folder(self, name: str) -> None:
        """Let the names in a folder survive."""
        self._synced[name] = dict(self._folders[name])
