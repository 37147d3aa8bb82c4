"""What is kept of ended runs: their metrics, out of the memory and out of the journal."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from functools import partial

from director.core.events import RunArchived
from director.core.experiments import Experiment
from director.core.measured import metrics_from_bytes, metrics_to_bytes
from director.core.model import BlobId, EnvoyName, ExperimentId, Metric
from director.core.queries import resting_view
from director.core.views import RunView
from director.errors import UnavailableError
from director.offload import Offload
from director.shell.blobs import Blobs
from director.shell.feeds import Feeds
from director.shell.tasks import Tasks
from director.shell.writer import Writer

_log = logging.getLogger(__name__)


class Accounts:
    """Puts away what is only read any more."""

    def __init__(
        self, *, feeds: Feeds, writer: Writer, blobs: Blobs, offload: Offload, chores: Tasks
    ) -> None:
        self._feeds = feeds
        self._writer = writer
        self._blobs = blobs
        self._offload = offload
        self._chores = chores
        self._readings: dict[ExperimentId, _Reading] = {}

    @property
    def followers(self) -> int:
        """How many follow what was put away."""
        return sum(reading.followers for reading in self._readings.values())

    async def close(self, experiment: Experiment, view: RunView) -> None:
        """Put away what was measured, now that the experiment has ended.

        Where that cannot be done it stays where it is, and is tried again after a restart.
        """
        metrics = self._feeds.of(experiment.id).metrics
        statuses = _statuses(experiment, view)
        if not metrics and not statuses:
            return
        try:
            await self._put_away(experiment, metrics, statuses)
        except UnavailableError as error:
            _log.warning("metrics of experiment %r stay in memory: %s", experiment.name, error)
            return
        # Whoever follows the feed comes to its end; who comes later gets what was stored.
        self._feeds.drop(experiment.id)

    async def _put_away(
        self,
        experiment: Experiment,
        metrics: tuple[Metric, ...],
        statuses: Mapping[EnvoyName, str],
    ) -> None:
        with self._blobs.lease() as stored:
            if metrics:
                content = await self._offload(partial(metrics_to_bytes, metrics))
                stored.append(await self._blobs.store(content))
            blobs = tuple(stored)
            stored.clear()
        await self._writer.commit(
            RunArchived(
                experiment=experiment.id, metrics=blobs[0] if blobs else None, statuses=statuses
            ),
            otherwise=partial(self._blobs.release, blobs),
        )

    async def follow(
        self, experiment: ExperimentId, stored: BlobId
    ) -> AsyncGenerator[Metric, None]:
        """Yield what was put away; those who follow at the same time share it.

        Raises:
            LimitExceededError: too many do.
        """
        reading = self._readings.get(experiment)
        self._feeds.check_room(0 if reading is None else reading.followers)
        if reading is None:
            # Nobody's own: whoever begins it may leave, and the others still want it.
            work = self._chores.start(self._read(stored), name=f"read metrics of {experiment}")
            reading = self._readings[experiment] = _Reading(work)
        reading.followers += 1
        try:
            for metric in await asyncio.shield(reading.metrics):
                yield metric
        finally:
            reading.followers -= 1
            if not reading.followers:
                del self._readings[experiment]

    async def _read(self, stored: BlobId) -> tuple[Metric, ...]:
        content = await self._blobs.load(stored)
        return await self._offload(partial(metrics_from_bytes, content))


class _Reading:
    """Metrics that were put away, for as long as somebody follows them."""

    def __init__(self, metrics: asyncio.Future[tuple[Metric, ...]]) -> None:
        self.metrics = metrics
        self.followers = 0


def _statuses(experiment: Experiment, view: RunView) -> Mapping[EnvoyName, str]:
    """Return the statuses that would not be known from the experiment alone."""
    known = {shown.name: shown.status for shown in resting_view(experiment).collaborators}
    return {
        shown.name: shown.status
        for shown in view.collaborators
        if shown.status != known[shown.name]
    }
