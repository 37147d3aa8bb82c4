"""The only one who changes the federation, and writes down what must not be forgotten.

There is no await between a change and its effects: the event loop is the lock.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from director.clock import Clock
from director.core.effects import Disregard, Effect
from director.core.events import (
    Durable,
    Event,
    FailureReported,
    RunningLimitSet,
    Transient,
)
from director.core.experiments import Experiment
from director.core.federation import Federation
from director.core.snapshots import Snapshot, moment_of
from director.errors import UnavailableError, UnknownExperimentError
from director.figures import Histogram
from director.offload import Offload
from director.shell.backlog import Backlog
from director.shell.patience import patiently
from director.shell.tasks import Tasks
from director.storage import Journal, JournalSize
from director.storage.replaying import replayed

_log = logging.getLogger(__name__)

_NOTHING = JournalSize(snapshot_bytes=0, events_bytes=0)

Observer = Callable[[Event, Sequence[Effect]], object]
"""Told of every event that was not refused, and of what followed from it."""


class Writer:
    """Feeds the federation; whoever made it performs the effects."""

    def __init__(
        self,
        federation: Federation,
        journal: Journal,
        clock: Clock,
        perform: Callable[[Effect], None],
        offload: Offload,
    ) -> None:
        self._federation = federation
        self._journal = journal
        self._clock = clock
        self._perform = perform
        self._offload = offload
        self._commits = Tasks()
        self._observers: list[Observer] = []
        self._is_closed = False
        self._is_abandoned = False
        self._position = 0
        """Of the event that was applied last."""
        self._backlog = Backlog()
        self._is_compacting = False
        self.append_seconds = Histogram()
        """Of every append to the journal that was kept."""
        self.failed_appends = 0

    def __len__(self) -> int:
        return len(self._commits)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Tell somebody of every event from now on; returns how to stop."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def tell(self, event: Transient) -> None:
        """Take in what a restart may forget.

        Raises:
            DirectorError: the event is refused.
        """
        self._federation.check(event)
        effects = self._federation.apply(event, self._clock.now())
        # Of a heartbeat, which comes more often than all else, nothing follows.
        if effects or self._observers:
            self._follow(event, effects)

    def pass_over(self, event: FailureReported, disregard: Disregard) -> None:
        """Let a report pass that changes nothing, so that there is nothing to write down."""
        self._follow(event, (disregard,))

    async def commit(
        self,
        event: Durable,
        *,
        about: Experiment | None = None,
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Take in what must not be forgotten, and return only then.

        It goes on even if the caller is cancelled: what was written down has to happen.  If in the
        end it does not, `otherwise` is called.  An event that names an experiment is refused where
        the name has become another's than the one it is `about`.

        Raises:
            DirectorError: the event is refused, or could not be written down.
        """
        await asyncio.shield(
            self._commits.start(
                self._write(event, about, otherwise), name=f"commit {type(event).__name__}"
            )
        )

    async def insist(
        self,
        event: Durable,
        *,
        about: Experiment | None = None,
        refused: Callable[[UnavailableError], object] = lambda _: None,
    ) -> None:
        """As `commit`, again and again until it can be written down; `refused` is told why not."""
        attempt = partial(self.commit, event, about=about)
        await patiently(attempt, what=type(event).__name__, refused=refused)

    async def _write(
        self, event: Durable, about: Experiment | None, otherwise: Callable[[], None] | None
    ) -> None:
        try:
            self._check(event, about)
            now = self._clock.now()
            self._position = await self._append(event, now)
            self._backlog.note(event)
            # Others may have come first: then this is refused here, and just so in a replay.
            self._apply(event, now)
        except BaseException:
            if otherwise is not None:
                otherwise()
            raise
        if self._backlog.is_long(self._journal.size):
            self._begin_compacting()

    async def _append(self, event: Durable, now: float) -> int:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            position = await self._journal.append(event, now)
        except Exception:
            self.failed_appends += 1
            raise
        self.append_seconds.observe(loop.time() - began_s)
        return position

    def _check(self, event: Durable, about: Experiment | None) -> None:
        if self._is_closed:
            raise UnavailableError("this Director is stopping")
        # Looked at no sooner: what is checked from now on happens after this event.
        if about is not None and self._federation.catalogue.get(about.id) is None:
            raise UnknownExperimentError(about.name)
        self._federation.check(event)

    def _apply(self, event: Event, now: float) -> None:
        self._follow(event, self._federation.apply(event, now))

    def _follow(self, event: Event, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self._perform(effect)
        for observer in tuple(self._observers):
            try:
                observer(event, effects)
            except Exception:  # noqa: BLE001 - an onlooker must not stop what it looks on
                _log.exception("an observer failed at %r", event)

    def replay(self) -> int:
        """Apply what the journal holds, without its effects; return how much it was."""
        count = 0
        with _without_collections():
            for entry in replayed(self._journal, self._federation):
                count += 1
                self._position = entry.position
                if isinstance(entry.record, Snapshot):
                    self._backlog.clear(entry.record.weight, _NOTHING)
                else:
                    self._backlog.note(entry.record)
        return count

    async def set_limits(self) -> None:
        """Write down what a replay has to know of the rules, where that has changed.

        Raises:
            DirectorError: it could not be written down.
        """
        limit = self._federation.rules.max_running_experiments
        if self._federation.catalogue.running_limit != limit:
            await self.commit(RunningLimitSet(limit=limit))

    def gather_up(self) -> None:
        """Let the next start have less to replay, while this one goes on."""
        if self._backlog.is_worthwhile(self._journal.size):
            self._begin_compacting()

    def _begin_compacting(self) -> None:
        if not self._is_compacting:
            # At once: many others may be here before it really begins.
            self._is_compacting = True
            self._commits.spawn(self._compact(), name="compact the journal")

    async def _compact(self) -> None:
        try:
            # No await between these: the moment is that of just this position.
            moment, position, now = moment_of(self._federation), self._position, self._clock.now()
            self._backlog.clear(moment.weight, self._journal.size)
            with _without_collections():
                snapshot = await self._offload(moment.snapshot)
                await self._journal.compact(snapshot, now, position=position)
        except UnavailableError as error:
            _log.warning("the journal stays as long as it is: %s", error)
        finally:
            self._is_compacting = False

    def resume(self) -> None:
        """Take up again what was under way."""
        for effect in self._federation.resume(self._clock.now()):
            self._perform(effect)

    async def close(self) -> None:
        """Take in nothing more; wait until what was to be written down is."""
        self._is_closed = True
        await self._commits.settle()
        if not self._is_abandoned and not self._backlog.is_empty:
            # With it, who was heard of lately is remembered, too.
            await self._compact()
        await self._journal.close()

    async def abandon(self) -> None:
        """Drop whatever is not written down yet, and leave the journal as it is."""
        self._is_closed = self._is_abandoned = True
        await self._commits.abandon()


@contextmanager
def _without_collections() -> Iterator[None]:
    # What is built up stays, or goes at once: to look for garbage in it finds none, and takes so
    # long that nobody is answered meanwhile.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
