"""An uploaded archive, opened: its layout is sound and its members may be there.

Whether their contents are whole is known only after `verify`.
"""

from dataclasses import dataclass
from typing import BinaryIO

from director.errors import InvalidArchiveError, LimitExceededError
from director.workspace import zip_content
from director.workspace.limits import ArchiveLimits
from director.workspace.zip_layout import Layout, read_layout
from director.workspace.zip_policy import check_members


@dataclass(frozen=True, slots=True)
class Archive:
    """The file stays the caller's, who closes it."""

    file: BinaryIO
    layout: Layout
    files: dict[str, int]
    """Where each file stands in the layout, by name."""

    def verify(self) -> None:
        """Read every member to its end.

        Raises:
            InvalidArchiveError: one is not what its checksum says.
        """
        for entry, extent in zip(self.layout.entries, self.layout.extents, strict=True):
            zip_content.verify(self.file, entry, extent)

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Return one file.

        Raises:
            InvalidArchiveError: there is none of that name, or it is damaged.
            LimitExceededError: it is larger than that.
        """
        if name not in self.files:
            raise InvalidArchiveError(f"the archive has no {name}")
        entry = self.layout.entries[self.files[name]]
        if entry.size_bytes > max_bytes:
            raise LimitExceededError(
                f"{name} has {entry.size_bytes} bytes: {max_bytes} are allowed"
            )
        return zip_content.read(self.file, entry, self.layout.extents[self.files[name]])


def open_archive(file: BinaryIO, limits: ArchiveLimits) -> Archive:
    """Read an archive's directories.

    Raises:
        InvalidArchiveError: they are damaged, contradict each other, or list what must not be.
        LimitExceededError: it has too many members, or unpacks to too much.
    """
    layout = read_layout(file, max_members=limits.max_members)
    return Archive(file, layout, check_members(layout.entries, limits))
