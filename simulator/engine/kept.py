"""What a Director leaves to the next: its journal and its archives, in memory."""

from copy import deepcopy
from dataclasses import dataclass, field

from director.storage import MemoryArchives, MemoryJournal


@dataclass(frozen=True, slots=True)
class Kept:
    """Storage that outlives the Director that uses it."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)
    archives: MemoryArchives = field(default_factory=MemoryArchives)

    def at_this_moment(self) -> "Kept":
        """Return a copy, which whatever the Director still writes does not reach."""
        return deepcopy(self)
