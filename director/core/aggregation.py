"""One experiment's aggregator as a pure state machine: results in; tasks, metrics, models out.

A round is complete when every collaborator has reported every task; whether it closes before that,
and without whom, is for `attendance` to say.  What a collaborator sends can be useless, but it can
neither stop the others nor spoil their model: it is left out, and said so.
Nothing here waits, stores, or knows how tensors travel.
"""

import math
from collections.abc import Collection, Mapping, Sequence

from director.core.assignments import Assignments, assignments
from director.core.attendance import Presence
from director.core.averaging import combiners_of, memory_of, recall
from director.core.checkpoints import Checkpoint
from director.core.contributions import Contribution, read_result
from director.core.foreign import ForeignOutcome, ForeignWork, keep, kept
from director.core.model import (
    Assignment,
    EncodedTensor,
    EnvoyName,
    Idle,
    Metric,
    Model,
    Plan,
    Quit,
    TaskResult,
    TensorRequest,
    Work,
)
from director.core.participation import ALL_HERE, Participation, view
from director.core.rounds import close, foreign_tasks
from director.core.run_effects import (
    MetricsMeasured,
    RoundClosed,
    RunCompleted,
    RunEffect,
    disregarded,
)
from director.core.running_round import RunningRound
from director.core.served import serve
from director.core.views import CollaboratorView
from director.errors import UnavailableError

_KEPT_ROUNDS = 3
"""This round's model, the one before for whoever is slow, and one more for its difference."""


class Aggregation:
    """The run of one experiment."""

    def __init__(self, plan: Plan, collaborators: Sequence[EnvoyName], initial: Model) -> None:
        self._plan = plan
        self._participants = {name: Participation() for name in collaborators}
        self._models: dict[int, Model] = {0: initial}
        self._best: Model = {}
        self._best_score = -math.inf
        self._round = 0
        self._is_stopped = False
        self._metrics: list[Metric] = []
        self._round_metrics_start = 0
        self._combiners = combiners_of(plan)
        self._foreign_memory = b""
        self._running = self._begun()

    # ------------------------------------------------------------ what can be read

    @property
    def round(self) -> int:
        """The running round, which is also how many have closed."""
        return self._round

    @property
    def base(self) -> Model:
        """The model that the running round started from."""
        return self._models[self._round]

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do: all rounds closed, or stopped."""
        return self._is_stopped or self._is_complete

    @property
    def progress(self) -> float:
        """The share of rounds that have closed.

        What is reported within a round does not count: a restart forgets it, and progress never
        goes back.
        """
        return self._round / self._plan.rounds

    @property
    def metrics(self) -> Sequence[Metric]:
        """Every metric so far, in the order of measurement; only ever appended to."""
        return self._metrics

    @property
    def last(self) -> Model:
        """The model after the last closed round, empty before the first."""
        return self.base if self._round else {}

    @property
    def best(self) -> Model:
        """The model that was validated as the best so far, empty before there is one."""
        return self._best

    @property
    def reported(self) -> Collection[EnvoyName]:
        """Those who have reported everything of the running round."""
        return self._running.reported

    def collaborator_views(
        self, presence: Mapping[EnvoyName, Presence] = ALL_HERE
    ) -> tuple[CollaboratorView, ...]:
        """How far everybody has come, in the order of the experiment's collaborators.

        Of whom the presence is not given, it is taken that they are there.
        """
        following = self._assigned(self._round + 1)
        return tuple(
            view(
                name,
                participation,
                presence.get(name, Presence.HERE),
                plan=self._plan,
                round_number=self._round,
                is_stopped=self._is_stopped,
                pending=() if self._is_complete else self._running.pending(name),
                following=following.get(name, ()),
            )
            for name, participation in self._participants.items()
        )

    # ------------------------------------------------------------ what collaborators ask for

    def tasks_for(self, collaborator: EnvoyName) -> Assignment:
        """What to do next, as often as it is asked; a stranger is told to quit."""
        participation = self._participants.get(collaborator)
        if participation is None or self.is_over:
            return Quit(round=self._round)
        participation.seen_in_round = self._round
        pending = self._running.pending(collaborator)
        if not pending or self._running.is_sealed:
            return Idle(round=self._round)
        return Work(round=self._round, tasks=pending)

    def tensor(self, collaborator: EnvoyName, request: TensorRequest) -> EncodedTensor:
        """Return a tensor of a round's model, or how it differs from the round before.

        Raises:
            UnavailableError: there is no such tensor, or not yet, or not any more.
        """
        if collaborator not in self._participants:
            raise UnavailableError(f"no tensors for {collaborator!r} here")
        return serve(self._models, request)

    def handle(self, result: TaskResult) -> Sequence[RunEffect]:
        """Take a result in, and close the round with it if it was the last one."""
        effects = self.take(result)
        if not self.is_round_complete:
            return effects
        self.seal()
        return (*effects, *self.close_round(self.outcome()))

    def refusal(self, result: TaskResult) -> str:
        """Return why a result cannot count, or nothing."""
        if self.is_over:
            return "the run is over"
        if result.collaborator not in self._participants:
            return "its sender has no part in the experiment"
        if result.round != self._round:
            return f"the running round is {self._round}"
        return self._running.refusal(result.collaborator, result.task)

    def take(self, result: TaskResult, read: Contribution | None = None) -> Sequence[RunEffect]:
        """Take a result in; whatever it is, nothing is raised.

        Where it was read elsewhere, from the `base` of its round, what was read is given.
        """
        reason = self.refusal(result)
        if reason:
            return (disregarded(result, reason),)
        contribution = read or read_result(result, self.base)
        self._participants[result.collaborator].seen_in_round = self._round
        self._running.take(result.collaborator, result.task, contribution)
        effects: list[RunEffect] = [disregarded(result, flaw) for flaw in contribution.flaws]
        return effects + self._measured([given.metric for given in contribution.measurements])

    @property
    def is_round_complete(self) -> bool:
        """Whether everything is there that the running round can be given."""
        return not self.is_over and self._running.is_complete

    def seal(self) -> None:
        """Take nothing more in for the running round: it is about to be closed."""
        self._running.is_sealed = True

    def foreign_work(self) -> ForeignWork | None:
        """Return what functions that are not ours have to do for the sealed round, if anything."""
        assert self._running.is_sealed
        tasks = foreign_tasks(self.base, self._running.results(), self._combiners)
        if not tasks:
            return None
        oldest = self._round - 1  # others would not be there after a restart
        return ForeignWork(
            round=self._round,
            tasks=tasks,
            models={n: model for n, model in self._models.items() if n >= oldest},
            memory=self._foreign_memory,
        )

    def outcome(
        self, foreign: ForeignOutcome | None = None, *, max_bytes: float = math.inf
    ) -> RoundClosed:
        """Compute what the sealed round comes to; only once, and then it has to be closed.

        It may take seconds in a thread.  If the run is stopped meanwhile, the round is not to be
        closed.  Of who has not reported everything, nothing counts.  Foreign work's outcome is due.

        Raises:
            LimitExceededError: the model would grow beyond `max_bytes`.
        """
        assert self._running.is_sealed
        assert foreign is not None or self.foreign_work() is None
        given = foreign or ForeignOutcome(models={}, memory=self._foreign_memory)
        results = self._running.results()
        outcome = close(
            self._round, self.base, results, self._combiners, given.models, max_bytes=max_bytes
        )
        return RoundClosed(
            round=self._round,
            model=outcome.model,
            is_best=outcome.score is not None and outcome.score > self._best_score,
            score=outcome.score,
            metrics=(*self._metrics[self._round_metrics_start :], *outcome.metrics),
            reporters=tuple(name for name in self._participants if name in self.reported),
            memory={**memory_of(self._combiners), **keep(given.memory)},
        )

    def close_round(self, closed: RoundClosed) -> Sequence[RunEffect]:
        """Go on to the next round."""
        shown = len(self._metrics) - self._round_metrics_start
        effects: list[RunEffect] = [*self._measured(closed.metrics[shown:]), closed]
        self._round_metrics_start = len(self._metrics)
        self._advance(closed)
        if self.is_over:
            effects.append(RunCompleted())
        return effects

    # ------------------------------------------------------------ what the Director decides

    def stop(self) -> None:
        """End the run where it stands; collaborators are told to quit."""
        self._is_stopped = True

    def restore(self, checkpoint: Checkpoint, models: Mapping[int, Model], memory: Model) -> None:
        """Go on from a checkpoint, given the models and the memory that it names."""
        assert self._round == 0
        self._round = checkpoint.round
        self._models = {n: model for n, model in models.items() if n > self._round - _KEPT_ROUNDS}
        if checkpoint.best_round is not None and checkpoint.best_score is not None:
            self._best, self._best_score = models[checkpoint.best_round], checkpoint.best_score
        for name, participation in self._participants.items():
            completed = checkpoint.completed_by(name)
            participation.completed_rounds = completed.rounds
            participation.last_completed = completed.last
        self._metrics = list(checkpoint.metrics)
        self._round_metrics_start = len(self._metrics)
        self._running = self._begun()
        recall(self._combiners, memory)
        self._foreign_memory = kept(memory)

    # ------------------------------------------------------------ inside

    @property
    def _is_complete(self) -> bool:
        return self._round >= self._plan.rounds

    def _begun(self) -> RunningRound:
        return RunningRound(self._plan.tasks, self._assigned(self._round))

    def _assigned(self, round_number: int) -> Assignments:
        if round_number >= self._plan.rounds:
            return {}
        return assignments(self._plan, tuple(self._participants), round_number)

    def _advance(self, event: RoundClosed) -> None:
        if event.is_best and event.score is not None:
            self._best, self._best_score = self._models[event.round], event.score
        for name in event.reporters:
            self._participants[name].complete(event.round)
        self._round = event.round + 1
        self._models[self._round] = event.model
        self._models.pop(self._round - _KEPT_ROUNDS, None)
        self._foreign_memory = kept(event.memory)
        self._running = self._begun()

    def _measured(self, metrics: Sequence[Metric]) -> list[RunEffect]:
        self._metrics.extend(metrics)
        return [MetricsMeasured(metrics=tuple(metrics))] if metrics else []
