"""Closes rounds: what a round comes to is computed, stored and written down, and only then shown.

A restart goes on from what was written down, so nobody has seen a round that it does not know.
"""

from functools import partial

from director.core.checkpoints import ClosedRound
from director.core.effects import StartRun
from director.core.events import RoundCompleted
from director.core.model import BlobId, Model
from director.core.run_effects import RoundClosed
from director.core.tensors import model_to_bytes
from director.offload import Offload
from director.shell.blobs import Blobs
from director.shell.foreigners import Foreigners
from director.shell.openings import OpenRun
from director.shell.patience import patiently
from director.shell.run import Closing, Run, settle
from director.shell.writer import Writer


class Closings:
    """Takes as long as it takes; what a round has come to is never given up."""

    def __init__(
        self,
        *,
        writer: Writer,
        blobs: Blobs,
        offload: Offload,
        foreigners: Foreigners,
        max_model_bytes: int,
    ) -> None:
        self._max_model_bytes = max_model_bytes
        self._foreigners = foreigners
        self._writer = writer
        self._blobs = blobs
        self._offload = offload

    async def close(self, run: Run, opened: OpenRun, closing: Closing) -> None:
        """Return once the round is closed and shown, or its run has ended.

        Whoever waits for that is told when it turns out to take longer.

        Raises:
            ForeignCodeError: functions that the experiment brought have failed.
            LimitExceededError: the model would become too large.
        """
        delayed = partial(settle, closing)
        foreign = await self._foreigners.outcome(run.order, opened.aggregation, unless=run.ended)
        if run.ended.is_set():
            return
        run.outcome = await self._offload(
            partial(opened.aggregation.outcome, foreign, max_bytes=self._max_model_bytes)
        )
        closed = await patiently(
            partial(self._store, run.order, run.outcome),
            what=f"round {run.outcome.round + 1} of experiment {run.order.name!r}",
            refused=delayed,
        )
        if run.is_ended:
            self._blobs.release(closed.blobs)
            return
        # Should the Director close before this is done, its next start clears the blobs away.
        event = RoundCompleted(experiment=run.order.experiment, closed=closed)
        await self._writer.insist(event, refused=delayed)

    async def _store(self, order: StartRun, outcome: RoundClosed) -> ClosedRound:
        with self._blobs.lease() as stored:
            stored.append(await self._store_model(outcome.model))
            if outcome.memory:
                stored.append(await self._store_model(outcome.memory))
            model, *memory = stored
            stored.clear()
        reporters = frozenset(outcome.reporters)
        return ClosedRound(
            number=outcome.round,
            model=model,
            memory=memory[0] if memory else None,
            is_best=outcome.is_best,
            score=outcome.score,
            metrics=outcome.metrics,
            missing=tuple(name for name in order.collaborators if name not in reporters),
        )

    async def _store_model(self, model: Model) -> BlobId:
        return await self._blobs.store(await self._offload(partial(model_to_bytes, model)))
