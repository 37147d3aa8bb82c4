"""The experiments: who owns them, who takes part, where they stand, and whose turn is next."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from director.core.checkpoints import Checkpoint, ClosedRound
from director.core.effects import Review, StartRun
from director.core.lifecycle import Status, can_move
from director.core.model import BlobId, EnvoyName, ExperimentId, ExperimentName, Plan
from director.core.rules import Rules
from director.errors import (
    DuplicateExperimentError,
    LimitExceededError,
    UnknownExperimentError,
)

# An envoy that was handed an experiment asks for it within seconds; it does not ask for the
# thousandth that was removed since.
_REMEMBERED_REMOVALS = 1_024


@dataclass(slots=True, kw_only=True)
class Part:
    """One collaborator's part in an experiment; epochs are those of the registry, 0 is never."""

    handed_epoch: int = 0
    fetched_epoch: int = 0
    """When its download last ended well here; whether it arrived is not known."""
    fetched_at: float = 0.0
    joined_epoch: int = 0
    """When it last asked for tasks, which proves that it has the archive."""
    is_dismissed: bool = False
    is_told: bool = False
    """Whether it has heard of this very experiment, as far as is remembered."""


@dataclass(slots=True, kw_only=True)
class Experiment:
    """One experiment; only the federation changes it."""

    id: ExperimentId
    name: ExperimentName
    owner: str
    plan: Plan
    parts: dict[EnvoyName, Part]
    archive: BlobId
    checkpoint: Checkpoint
    address: str | None
    port: int | None
    is_reviewed: bool
    status: Status = Status.PENDING
    reason: str = ""
    ended_at: float | None = None

    @property
    def collaborators(self) -> tuple[EnvoyName, ...]:
        """Those who take part, in the order in which the owner named them."""
        return tuple(self.parts)

    @property
    def blobs(self) -> tuple[BlobId, ...]:
        """What has to be kept for it: once it has ended, what came of it."""
        if self.status.is_terminal:
            return self.checkpoint.blobs
        return (self.archive, *self.checkpoint.blobs)

    def is_due_to(self, envoy: EnvoyName, epoch: int, *, fetched_by: float) -> bool:
        """Whether the envoy needs to be told of it, as far as it can know in this epoch.

        A download that ended before `fetched_by`, and led to nothing, has been lost on its way.
        """
        part = self.parts.get(envoy)
        if part is None or part.is_dismissed or part.joined_epoch >= epoch:
            return False
        return part.fetched_epoch < epoch or part.fetched_at <= fetched_by

    def to_review(self) -> Review:
        """Return the order to have it looked at."""
        return Review(experiment=self.id, name=self.name, archive=self.archive)

    def to_run(self) -> StartRun:
        """Return the order to run it."""
        return StartRun(
            experiment=self.id,
            name=self.name,
            owner=self.owner,
            collaborators=self.collaborators,
            plan=self.plan,
            archive=self.archive,
            checkpoint=self.checkpoint,
            address=self.address,
            port=self.port,
        )


@dataclass(slots=True)
class Catalogue:
    """All experiments, in the order of submission, and the queue of those that may start."""

    _rules: Rules
    running_limit: int
    """How many may run at once."""
    is_shared: bool = True
    """Whether each owner leaves room for others; else it is first come, first served."""
    _by_name: dict[ExperimentName, Experiment] = field(default_factory=dict)
    _by_id: dict[ExperimentId, Experiment] = field(default_factory=dict)
    _ready: dict[ExperimentId, Experiment] = field(default_factory=dict)
    _running: dict[ExperimentId, Experiment] = field(default_factory=dict)
    _removed: dict[ExperimentName, tuple[EnvoyName, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Experiment]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def running(self) -> tuple[Experiment, ...]:
        """Those in progress, in the order of their start."""
        return tuple(self._running.values())

    @property
    def ready(self) -> tuple[ExperimentId, ...]:
        """Those that wait for their turn, the next one first."""
        return tuple(self._ready)

    @property
    def removed(self) -> Mapping[ExperimentName, tuple[EnvoyName, ...]]:
        """Who took part in what was removed lately, by its name."""
        return self._removed

    # ------------------------------------------------------------ finding

    def get(self, experiment: ExperimentId) -> Experiment | None:
        """Return it where it has not been removed."""
        return self._by_id.get(experiment)

    def named(self, name: ExperimentName) -> Experiment | None:
        """Return whoever's experiment has this name."""
        return self._by_name.get(name)

    def owned(self, name: ExperimentName, owner: str) -> Experiment:
        """Raises UnknownExperimentError alike for what is not there and what is another's."""
        experiment = self._by_name.get(name)
        if experiment is None or experiment.owner != owner:
            raise UnknownExperimentError(name)
        return experiment

    def due_to(self, envoy: EnvoyName, epoch: int, now: float) -> Experiment | None:
        """Return the first, in the order of start, that the envoy needs to be told of."""
        fetched_by = now - self._rules.heartbeat_period_s
        for experiment in self._running.values():
            if experiment.is_due_to(envoy, epoch, fetched_by=fetched_by):
                return experiment
        return None

    def was_removed_under(self, name: ExperimentName, collaborator: EnvoyName) -> bool:
        """Whether an experiment of this name went away while the collaborator may have had it."""
        return collaborator in self._removed.get(name, ())

    # ------------------------------------------------------------ refusals

    def check_free(self, name: ExperimentName) -> None:
        """Raises DuplicateExperimentError where the name is in use."""
        if name in self._by_name:
            raise DuplicateExperimentError(name)

    def check_room(self, owner: str) -> None:
        """Raises LimitExceededError where one more would be too many."""
        if len(self._by_id) >= self._rules.max_experiments:
            limit = self._rules.max_experiments
            raise LimitExceededError(f"this Director holds {limit} experiments, which is the limit")
        own = sum(experiment.owner == owner for experiment in self._by_id.values())
        if own >= self._rules.max_experiments_per_owner:
            raise LimitExceededError(f"you have {own} experiments, which is the limit: remove some")

    # ------------------------------------------------------------ changes

    def add(self, experiment: Experiment) -> None:
        """Take in an experiment; it waits for its review or its turn."""
        self.check_free(experiment.name)
        self._by_name[experiment.name] = experiment
        self._by_id[experiment.id] = experiment
        if experiment.is_reviewed:
            self._ready[experiment.id] = experiment

    def approve(self, experiment: Experiment) -> None:
        """Let a pending experiment take its turn."""
        experiment.is_reviewed = True
        self._ready[experiment.id] = experiment

    def start_next(self) -> Experiment | None:
        """Start the one whose turn it is, where there is room for one more."""
        experiment = self._next()
        if experiment is None:
            return None
        del self._ready[experiment.id]
        assert can_move(experiment.status, Status.IN_PROGRESS)
        experiment.status = Status.IN_PROGRESS
        self._running[experiment.id] = experiment
        return experiment

    def _next(self) -> Experiment | None:
        """Return the one whose turn it is; None where it has to wait.

        It is that of the owner with the fewest that run; and that one may have no more of them than
        it leaves for others, so that there is room for whoever comes.
        """
        free = self.running_limit - len(self._running)
        if not self._ready or free <= 0:
            return None
        if not self.is_shared:
            return next(iter(self._ready.values()))
        running = Counter(experiment.owner for experiment in self._running.values())
        # Of several such, min() takes the first, which waits longest.
        fewest = min(self._ready.values(), key=lambda experiment: running[experiment.owner])
        return fewest if running[fewest.owner] < free else None

    def close_round(self, experiment: Experiment, closed: ClosedRound) -> bool:
        """Let its run go on from the next round; False where it does not stand there."""
        is_next = closed.number == experiment.checkpoint.round < experiment.plan.rounds
        if experiment.status is not Status.IN_PROGRESS or not is_next:
            return False
        experiment.checkpoint = experiment.checkpoint.after(closed)
        return True

    def end(self, experiment: Experiment, status: Status, reason: str, now: float) -> bool:
        """Move to a status in which nothing follows; False where there is no such way."""
        if not can_move(experiment.status, status):
            return False
        experiment.status = status
        experiment.reason = reason
        experiment.ended_at = now
        experiment.checkpoint = experiment.checkpoint.at_the_end()
        self._running.pop(experiment.id, None)
        return True

    def remove(self, experiment: Experiment) -> None:
        """Forget it; its name is free again."""
        del self._by_name[experiment.name]
        del self._by_id[experiment.id]
        self._running.pop(experiment.id, None)
        self._ready.pop(experiment.id, None)
        if experiment.status in {Status.PENDING, Status.REJECTED}:
            return  # nobody can have been told of it
        self._removed.pop(experiment.name, None)
        self._removed[experiment.name] = experiment.collaborators
        if len(self._removed) > _REMEMBERED_REMOVALS:
            del self._removed[next(iter(self._removed))]

    def restore(
        self,
        experiments: Iterable[Experiment],
        *,
        ready: Iterable[ExperimentId],
        running: Iterable[ExperimentId],
        removed: Mapping[ExperimentName, tuple[EnvoyName, ...]],
    ) -> None:
        """Take all in at once, as they were."""
        for experiment in experiments:
            self._by_name[experiment.name] = experiment
            self._by_id[experiment.id] = experiment
        self._ready = {experiment: self._by_id[experiment] for experiment in ready}
        self._running = {experiment: self._by_id[experiment] for experiment in running}
        self._removed = dict(removed)
