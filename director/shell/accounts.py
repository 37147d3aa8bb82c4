"""What is kept of ended runs: their metrics, out of the memory and out of the journal."""

import logging
from collections.abc import Mapping
from functools import partial

from director.core.events import RunArchived
from director.core.experiments import Experiment
from director.core.measured import metrics_from_bytes, metrics_to_bytes
from director.core.model import BlobId, EnvoyName, Metric
from director.core.queries import resting_view
from director.core.views import RunView
from director.errors import UnavailableError
from director.offload import Offload
from director.shell.blobs import Blobs
from director.shell.feeds import Feeds
from director.shell.writer import Writer

_log = logging.getLogger(__name__)


class Accounts:
    """Puts away what is only read any more."""

    def __init__(self, *, feeds: Feeds, writer: Writer, blobs: Blobs, offload: Offload) -> None:
        self._feeds = feeds
        self._writer = writer
        self._blobs = blobs
        self._offload = offload

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

    async def metrics(self, stored: BlobId) -> tuple[Metric, ...]:
        """Return what was put away."""
        content = await self._blobs.load(stored)
        return await self._offload(partial(metrics_from_bytes, content))


def _statuses(experiment: Experiment, view: RunView) -> Mapping[EnvoyName, str]:
    """Return the statuses that would not be known from the experiment alone."""
    known = {shown.name: shown.status for shown in resting_view(experiment).collaborators}
    return {
        shown.name: shown.status
        for shown in view.collaborators
        if shown.status != known[shown.name]
    }
