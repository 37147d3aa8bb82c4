"""Bugs that lose what was acknowledged, or bring back what was given up."""

import asyncio
from collections.abc import Iterator
from typing import Any

from director import Director
from director.core.events import Durable, ExperimentRemoved, RoundCompleted, RunFinished
from director.shell.tasks import Tasks
from director.storage import Archives, Entry, Journal, JournalSize, MemoryArchives, MemoryJournal
from tests.planted.planting import Planted

_LAZY_S = 1.0

SCENARIO = "scenarios/durability"
OVERRIDES = {"identity": "plaintext"}


class Wrapped:
    """A journal that does what another does."""

    def __init__(self, inner: Journal) -> None:
        self.inner = inner
        self.compact = inner.compact
        self.close = inner.close

    @property
    def size(self) -> JournalSize:
        return self.inner.size

    async def append(self, event: Durable, now: float) -> int:
        return await self.inner.append(event, now)

    def replay(self) -> Iterator[Entry]:
        return self.inner.replay()


class _Later(Wrapped):
    """Answers at once, and writes a while later."""

    def __init__(self, inner: Journal) -> None:
        super().__init__(inner)
        self._writing = Tasks()

    async def append(self, event: Durable, now: float) -> int:
        self._writing.spawn(self._write(event, now), name="write later")
        return 1

    async def _write(self, event: Durable, now: float) -> None:
        await asyncio.sleep(_LAZY_S)
        await self.inner.append(event, now)


class Forgetful(Wrapped):
    """Does not find some of the events again."""

    forgets: tuple[type, ...]

    def __init__(self, inner: Journal, *forgets: type) -> None:
        super().__init__(inner)
        self.forgets = forgets

    def replay(self) -> Iterator[Entry]:
        for entry in self.inner.replay():
            if not isinstance(entry.record, self.forgets):
                yield entry


class EverythingIsForgotten(Director):
    """The reference's: it keeps its federation in memory and nowhere else."""

    def __init__(self, *, journal: Journal, archives: Archives, **keywords: Any) -> None:
        del journal, archives
        super().__init__(journal=MemoryJournal(), archives=MemoryArchives(), **keywords)


class AnswersComeBeforeTheyAreWritten(Director):
    """What is acknowledged is written down a second later."""

    def __init__(self, *, journal: Journal, **keywords: Any) -> None:
        super().__init__(journal=_Later(journal), **keywords)


class RemovedOnesComeBack(Director):
    """A restart finds experiments that their owners have removed."""

    def __init__(self, *, journal: Journal, **keywords: Any) -> None:
        super().__init__(journal=Forgetful(journal, ExperimentRemoved), **keywords)


class EndedOnesRunAgain(Director):
    """A restart does not know what was over."""

    def __init__(self, *, journal: Journal, **keywords: Any) -> None:
        super().__init__(journal=Forgetful(journal, RunFinished), **keywords)


class ModelsAreForgotten(Director):
    """A restart knows what has ended, and has nothing of what came of it."""

    def __init__(self, *, journal: Journal, **keywords: Any) -> None:
        super().__init__(journal=Forgetful(journal, RoundCompleted), **keywords)


BUGS = tuple(
    Planted(bug=bug, breaks="durability", scenario=SCENARIO, overrides=OVERRIDES)
    for bug in (
        EverythingIsForgotten,
        AnswersComeBeforeTheyAreWritten,
        RemovedOnesComeBack,
        EndedOnesRunAgain,
        ModelsAreForgotten,
    )
)
