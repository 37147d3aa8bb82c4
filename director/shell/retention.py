"""Removes experiments that ended long ago, or take too much room, where an operator says so."""

import asyncio
import logging

from director.clock import Clock
from director.core.events import ExperimentRemoved
from director.core.experiments import Experiment
from director.core.federation import Federation
from director.errors import DirectorError
from director.settings import Retention
from director.shell.logbook import note
from director.shell.tasks import Tasks
from director.shell.writer import Writer
from director.storage import Archives

_log = logging.getLogger(__name__)

_PERIOD_S = 60.0


class Retentions:
    """Looks once a minute; the experiments that ended first go first."""

    def __init__(
        self,
        retention: Retention,
        *,
        federation: Federation,
        archives: Archives,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._retention = retention
        self._federation = federation
        self._archives = archives
        self._writer = writer
        self._clock = clock

    def begin(self, work: Tasks) -> None:
        """Go on until the tasks are cancelled, where there is anything to do."""
        if self._retention.max_age_s is not None or self._retention.max_bytes is not None:
            work.spawn(self._watch(), name="remove old experiments")

    async def _watch(self) -> None:
        while True:
            for experiment in self._due():
                await self._remove(experiment)
            await asyncio.sleep(_PERIOD_S)

    def _due(self) -> list[Experiment]:
        ended = [held for held in self._federation.catalogue if held.ended_at is not None]
        ended.sort(key=lambda held: held.ended_at or 0.0)
        excess_bytes = self._excess_bytes()
        due: list[Experiment] = []
        for experiment in ended:
            if excess_bytes > 0:
                excess_bytes -= sum(map(self._archives.size_of, experiment.blobs))
            elif not self._is_old(experiment):
                break
            due.append(experiment)
        return due

    def _excess_bytes(self) -> int:
        limit = self._retention.max_bytes
        if limit is None:
            return 0
        return sum(map(self._archives.size_of, self._archives.list())) - limit

    def _is_old(self, experiment: Experiment) -> bool:
        limit_s = self._retention.max_age_s
        assert experiment.ended_at is not None
        return limit_s is not None and self._clock.now() - experiment.ended_at >= limit_s

    async def _remove(self, experiment: Experiment) -> None:
        try:
            # It had ended when it was found due, and what has ended stays so; but its owner may
            # have removed it since, and have another under its name.
            await self._writer.commit(
                ExperimentRemoved(name=experiment.name, owner=experiment.owner), about=experiment
            )
        except DirectorError as error:
            # Its owner may have been quicker; and what the disk refuses is tried again.
            _log.info("experiment %r is not removed: %s", experiment.name, error)
        else:
            note("removed: it is not kept any longer", experiment=experiment.name)
