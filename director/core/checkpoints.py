"""What a run goes on from after a restart: all that its closed rounds have left behind.

Models are named here, not held: they are too large to be remembered in events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from director.core.model import BlobId, EnvoyName, Metric, ModelKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedRound:
    """What came of one round; `is_best` speaks of the model that it started from."""

    number: int
    model: BlobId
    """What the next round starts from."""
    memory: BlobId | None = None
    """What server optimisers have to be given back, where there are any."""
    is_best: bool = False
    score: float | None = None
    metrics: tuple[Metric, ...] = ()
    """Of the whole round, in the order in which followers saw them."""
    missing: tuple[EnvoyName, ...] = ()
    """Collaborators that did not report everything."""

    @property
    def blobs(self) -> tuple[BlobId, ...]:
        """What was stored for it, as often as it was stored."""
        return (self.model,) if self.memory is None else (self.model, self.memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How many rounds a collaborator has completed, and which was the last of them."""

    rounds: int = 0
    last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a run stands between two rounds."""

    models: Mapping[int, BlobId]
    """By the round that starts from them: those that can still be asked for."""
    round: int = 0
    """How many rounds have closed."""
    best_round: int | None = None
    """The round that started from the best model so far."""
    best_score: float | None = None
    memory: BlobId | None = None
    stragglers: Mapping[EnvoyName, Completed] = field(default_factory=dict)
    """Those who have missed a round; everybody else has completed all that have closed."""
    metrics: tuple[Metric, ...] = ()
    stored_metrics: BlobId | None = None
    """Where the metrics are once the run is over."""
    statuses: Mapping[EnvoyName, str] = field(default_factory=dict)
    """How collaborators stood when the run was over, where that does not follow from the rest."""

    @property
    def blobs(self) -> tuple[BlobId, ...]:
        """All that it names, as often as it was stored."""
        others = (self.memory, self.stored_metrics)
        return (*self.models.values(), *(blob for blob in others if blob is not None))

    def model(self, kind: ModelKind) -> BlobId | None:
        """Return where a trained model is, if there is one yet."""
        if kind is ModelKind.BEST:
            return None if self.best_round is None else self.models[self.best_round]
        return self.models[self.round] if self.round else None

    def completed_by(self, collaborator: EnvoyName) -> Completed:
        """Return what a collaborator has completed."""
        everything = Completed(rounds=self.round, last=self.round - 1 if self.round else None)
        return self.stragglers.get(collaborator, everything)

    def after(self, closed: ClosedRound) -> "Checkpoint":
        """Return where the run stands once its next round has closed."""
        assert closed.number == self.round
        best_round = closed.number if closed.is_best else self.best_round
        # The round before is for whoever is slow.
        kept = {closed.number, best_round}
        models = {number: blob for number, blob in self.models.items() if number in kept}
        missing = frozenset(closed.missing)
        stragglers = {
            name: self.completed_by(name)
            if name in missing
            else Completed(rounds=self.completed_by(name).rounds + 1, last=closed.number)
            for name in dict.fromkeys((*self.stragglers, *closed.missing))
        }
        return replace(
            self,
            models={**models, closed.number + 1: closed.model},
            round=closed.number + 1,
            best_round=best_round,
            best_score=closed.score if closed.is_best else self.best_score,
            memory=closed.memory,
            stragglers=stragglers,
            metrics=self.metrics + closed.metrics,
        )

    def at_the_end(self) -> "Checkpoint":
        """Return what is left when nothing follows: the trained models, and what was measured."""
        kept = {self.best_round, self.round or None}
        models = {number: blob for number, blob in self.models.items() if number in kept}
        return replace(self, models=models, memory=None)

    def archived(self, metrics: BlobId | None, statuses: Mapping[EnvoyName, str]) -> "Checkpoint":
        """Return the same once the metrics are elsewhere."""
        return replace(self, metrics=(), stored_metrics=metrics, statuses=statuses)
