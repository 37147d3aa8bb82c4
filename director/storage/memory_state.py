"""What a Director keeps on a disk in memory: as `open_state`, for simulations of crashes."""

from dataclasses import dataclass

from director.offload import Offload, inline
from director.storage.files import FileArchives
from director.storage.log_journal import LogJournal
from director.storage.memory_disk import MemoryDisk
from director.storage.memory_folder import MemoryFolder


@dataclass(frozen=True, slots=True)
class MemoryState:
    """A journal and archives for one Director; the next one needs others, of the same disk."""

    journal: LogJournal
    archives: FileArchives


def memory_state(disk: MemoryDisk, *, offload: Offload = inline) -> MemoryState:
    """Open what is on the disk.

    Raises:
        StateError: it is damaged, or of a later version.
        OSError: the disk is down, or has no room for what is made anew.
    """
    return MemoryState(
        LogJournal(MemoryFolder(disk, "journal"), offload=offload),
        FileArchives(MemoryFolder(disk, "blobs"), offload=offload),
    )
