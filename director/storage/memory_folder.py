"""A folder of a disk in memory: what a Director sees of it."""

import errno
import io
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, cast

from typing_extensions import Buffer, override

from director.storage.memory_disk import Kind, MemoryDisk, Node


class MemoryFolder:
    """One folder of a disk in memory, as `director.storage.folders.Folder` demands."""

    def __init__(self, disk: MemoryDisk, name: str) -> None:
        self._disk = disk
        self._name = name
        self._life = disk.life

    def __repr__(self) -> str:
        return f"<MemoryFolder {self._name}>"

    def _files(self) -> dict[str, Node]:
        return self._disk.files(self._name, self._life)

    def _node(self, name: str) -> Node:
        try:
            return self._files()[name]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, "no such file", name) from None

    def _change(self, kind: Kind, name: str, work: Callable[[], None]) -> None:
        self._disk.change(kind, f"{self._name}/{name}", self._life, work)

    def names(self) -> Sequence[str]:
        return sorted(self._files())

    def size_of(self, name: str) -> int:
        return len(self._node(name).content)

    def create(self, name: str) -> BinaryIO:
        files = self._files()
        if name in files:
            raise FileExistsError(errno.EEXIST, "file exists", name)
        self._change(Kind.CREATE, name, lambda: files.update({name: Node()}))
        return self.reopen(name)

    def reopen(self, name: str) -> BinaryIO:
        return cast("BinaryIO", io.BufferedRandom(cast("Any", self._raw(name))))

    def open(self, name: str) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(cast("Any", self._raw(name))))

    def _raw(self, name: str) -> "_RawFile":
        return _RawFile(self._node(name), self._disk, f"{self._name}/{name}")

    def read_at(self, file: BinaryIO, offset: int, length: int) -> bytes:
        return bytes(_node_of(file).content[offset : offset + length])

    def begin_sync(self, file: BinaryIO, offset: int, length: int) -> None:
        pass  # a crash may take all that is not synced, however long ago it was written

    def sync_file(self, file: BinaryIO) -> None:
        file.flush()
        name = _raw_of(file).path.rpartition("/")[2]
        self._change(Kind.SYNC_FILE, name, _node_of(file).sync)

    def replace(self, name: str, new_name: str) -> None:
        files = self._files()
        self._node(name)
        self._change(Kind.REPLACE, new_name, lambda: files.update({new_name: files.pop(name)}))

    def remove(self, name: str) -> None:
        files = self._files()
        self._node(name)
        self._change(Kind.REMOVE, name, lambda: files.__delitem__(name))

    def sync(self) -> None:
        self._change(Kind.SYNC, "", lambda: self._disk.sync_folder(self._name))


class _RawFile(io.RawIOBase):
    """What the buffers of an open file read from and write to."""

    def __init__(self, node: Node, disk: MemoryDisk, path: str) -> None:
        self.node = node
        self.path = path
        self._disk = disk
        self._life = disk.life
        self._position = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def writable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self.node.content)}
        self._position = base[whence] + offset
        return self._position

    @override
    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        """Read as much as the buffer takes."""
        view = memoryview(buffer).cast("B")
        content = self.node.content[self._position : self._position + len(view)]
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def write(self, chunk: Buffer) -> int:
        """Write all of it, or nothing."""
        written = bytes(memoryview(chunk))

        def work() -> None:
            end = self._position + len(written)
            self._disk.check_room(end - len(self.node.content))
            self.node.write(self._position, written)
            self._position = end

        self._disk.change(Kind.WRITE, self.path, self._life, work)
        return len(written)

    @override
    def truncate(self, size: int | None = None) -> int:
        length = self._position if size is None else size

        def work() -> None:
            self._disk.check_room(length - len(self.node.content))
            self.node.resize(length)

        self._disk.change(Kind.TRUNCATE, self.path, self._life, work)
        return length


def _raw_of(file: BinaryIO) -> _RawFile:
    return cast("_RawFile", cast("Any", file).raw)


def _node_of(file: BinaryIO) -> Node:
    return _raw_of(file).node
