"""Bugs that show in what a dead Director leaves on its disk, and in what the next makes of it."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from director import Director
from director.core.effects import Effect
from director.core.events import Durable, FailureReported, ShardReported
from director.core.experiments import Experiment
from director.core.federation import Federation
from director.core.model import BlobId
from director.errors import UnavailableError
from director.shell.failures import Failures
from director.shell.writer import Writer
from director.storage import Archives, BlobReader, Entry, Journal
from director.storage.files import FileArchives, _Reader
from director.storage.log_journal import LogJournal
from tests.planted.bugs_durability import Forgetful, Wrapped
from tests.planted.planting import Planted, regression


class _Lazy:
    """A folder whose files are written, and synced whenever the system likes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def sync_file(self, file: BinaryIO) -> None:
        file.flush()


class NothingIsSynced(Director):
    """What is acknowledged was written, and has to be synced yet."""

    def __init__(self, *, journal: LogJournal, **keywords: Any) -> None:
        journal._folder = _Lazy(journal._folder)
        super().__init__(journal=journal, **keywords)


class _Rash(Wrapped):
    """Takes a journal whose end is torn for one in which nothing is to be trusted."""

    def replay(self) -> Iterator[Entry]:
        assert isinstance(self.inner, LogJournal)
        return iter(()) if self.inner._is_torn else self.inner.replay()


class TornEndsTakeAllWithThem(Director):
    """A restart that finds half a record begins with nothing."""

    def __init__(self, *, journal: LogJournal, **keywords: Any) -> None:
        super().__init__(journal=_Rash(journal), **keywords)


class _Deaf(Wrapped):
    """Does not hear that the disk has refused."""

    async def append(self, event: Durable, now: float) -> int:
        try:
            return await super().append(event, now)
        except UnavailableError:
            return 1


class RefusalsOfTheDiskAreIgnored(Director):
    """What cannot be written down is acknowledged all the same."""

    def __init__(self, *, journal: Journal, **keywords: Any) -> None:
        super().__init__(journal=_Deaf(journal), **keywords)


class _Candid(Failures):
    async def _keep(self, event: FailureReported, experiment: Experiment) -> None:
        await self._writer.commit(event, about=experiment)


class ReportersHearOfTheDisk(Director):
    """Whoever reports a failure that cannot be kept is told so."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._parts.failures.__class__ = _Candid


class _Faint(Writer):
    async def insist(self, event: Durable, **keywords: Any) -> None:
        await self.commit(event, about=keywords.get("about"))


class NothingIsInsistedOn(Director):
    """What the disk refuses once is given up."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._parts.writer.__class__ = _Faint


class _Trusting(FileArchives):
    """Hands out whatever lies under a name."""

    def reader(self, blob: BlobId) -> BlobReader:
        return _Reader(self._folder, self._opened(blob), self._offload)

    def open(self, blob: BlobId) -> BinaryIO:
        return self._opened(blob)


class RottenOnesAreServed(Director):
    """Nothing that is handed out is compared with what was stored."""

    def __init__(self, *, archives: FileArchives, **keywords: Any) -> None:
        archives.__class__ = _Trusting
        super().__init__(archives=archives, **keywords)


class ArchivesAreForgotten(Director):
    """A restart finds the journal, and throws away what lies beside it."""

    def __init__(self, *, archives: Archives, **keywords: Any) -> None:
        super().__init__(archives=archives, **keywords)
        self._archives = archives

    async def start(self) -> None:
        await self._archives.keep_only(())
        await super().start()


class _Unqueued(Federation):
    def resume(self, now: float) -> Sequence[Effect]:
        self.catalogue._ready.clear()
        return super().resume(now)


class QueuesAreForgotten(Director):
    """What waited for its turn when the Director went down waits for ever."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._federation.__class__ = _Unqueued


class EnvoysAreForgotten(Director):
    """A restart knows its experiments, and nobody who could run them."""

    def __init__(self, *, journal: Journal, **keywords: Any) -> None:
        super().__init__(journal=Forgetful(journal, ShardReported), **keywords)


class DeadEnvoysAreOnlineAgain(Director):
    """A restart takes everybody whom it remembers for being there."""

    async def start(self) -> None:
        await super().start()
        for envoy in self._federation.registry:
            envoy.touch(self._clock.now() + 3_600)


BUGS = (
    Planted(bug=NothingIsSynced, breaks="durability", scenario="scenarios/durability_power"),
    Planted(bug=ArchivesAreForgotten, breaks="durability", scenario="scenarios/durability_power"),
    *(
        Planted(bug=RefusalsOfTheDiskAreIgnored, breaks="durability", scenario=regression(scenario))
        for scenario in ("disk_full", "disk_fails")
    ),
    Planted(
        bug=ReportersHearOfTheDisk,
        breaks="failure-report",
        scenario=regression("disk_refuses_last_words"),
    ),
    Planted(
        bug=NothingIsInsistedOn,
        breaks="experiments-end",
        scenario=regression("disk_refuses_last_words"),
    ),
    Planted(bug=RottenOnesAreServed, breaks="errors", scenario=regression("disk_rots")),
    Planted(bug=TornEndsTakeAllWithThem, breaks="durability", scenario="scenarios/durability_torn"),
    Planted(
        bug=QueuesAreForgotten, breaks="experiments-end", scenario="scenarios/durability_queue"
    ),
    Planted(
        bug=EnvoysAreForgotten,
        breaks="outcomes[afterwards]",
        scenario="scenarios/durability_envoys",
    ),
    Planted(
        bug=DeadEnvoysAreOnlineAgain, breaks="presence", scenario="scenarios/durability_envoys"
    ),
)
