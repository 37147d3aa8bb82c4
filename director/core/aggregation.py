"""One experiment's aggregator as a pure state machine: results in; tasks, metrics, models out.

A round closes when every collaborator has reported every task.  What a collaborator sends can be
useless, but it can neither stop the others nor spoil their model: it is left out, and said so.
Nothing here waits, stores, or knows how tensors travel.
"""

import math
from collections.abc import Sequence

import numpy as np

from director.core.averaging import AGGREGATIONS, WEIGHTED_AVERAGE
from director.core.contributions import Contribution, read_result
from director.core.model import (
    Array,
    Assignment,
    EncodedTensor,
    EnvoyName,
    Idle,
    Metric,
    Model,
    Plan,
    Quit,
    Task,
    TaskResult,
    TensorRequest,
    Work,
)
from director.core.participation import Participation, view
from director.core.rounds import Outcome, close
from director.core.run_effects import (
    MetricsMeasured,
    RoundClosed,
    RunCompleted,
    RunEffect,
    disregarded,
)
from director.core.tensors import encode
from director.core.views import CollaboratorView
from director.errors import UnavailableError

_KEPT_ROUNDS = 3
"""This round's model, the one before for whoever is slow, and one more for its difference."""
_SERVED_TAGS = frozenset({"model", "aggregated", "delta", "compressed", "lossy_compressed"})


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
        self._combiners = {
            task.name: AGGREGATIONS[plan.aggregations.get(task.function_name, WEIGHTED_AVERAGE)]()
            for task in plan.tasks
        }
        self._results = self._no_results()

    # ------------------------------------------------------------ what can be read

    @property
    def round(self) -> int:
        """The running round, which is also how many have closed."""
        return self._round

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do: all rounds closed, or stopped."""
        return self._is_stopped or self._round >= self._plan.rounds

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
        return self._models[self._round] if self._round else {}

    @property
    def best(self) -> Model:
        """The model that was validated as the best so far, empty before there is one."""
        return self._best

    def collaborator_views(self) -> tuple[CollaboratorView, ...]:
        """How far everybody has come, in the order of the experiment's collaborators."""
        return tuple(
            view(
                name,
                participation,
                plan=self._plan,
                round_number=self._round,
                is_stopped=self._is_stopped,
                pending=self._pending(name),
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
        pending = self._pending(collaborator)
        return Work(round=self._round, tasks=pending) if pending else Idle(round=self._round)

    def tensor(self, collaborator: EnvoyName, request: TensorRequest) -> EncodedTensor:
        """Return a tensor of a round's model, or how it differs from the round before.

        Raises:
            UnavailableError: there is no such tensor, or not yet, or not any more.
        """
        model = self._models.get(request.round, {})
        is_known = collaborator in self._participants and request.name in model
        if not is_known or not set(request.tags) <= _SERVED_TAGS:
            raise UnavailableError(
                f"no tensor {request.name!r} with tags {list(request.tags)} of round"
                f" {request.round} here"
            )
        value = model[request.name]
        if "delta" in request.tags:
            value = self._difference(request.name, request.round)
        return encode(
            request.name,
            value,
            round_number=request.round,
            tags=sorted({*request.tags, "compressed"} - {"lossy_compressed"}),
            report=request.report,
        )

    def handle(self, result: TaskResult) -> Sequence[RunEffect]:
        """Take a result in, and close the round with it if it was the last one."""
        effects = self.take(result)
        if not self.is_round_complete:
            return effects
        return (*effects, *self.close_round(self.outcome()))

    def take(self, result: TaskResult) -> Sequence[RunEffect]:
        """Take a result in; whatever it is, nothing is raised."""
        reason = self._refusal(result)
        if reason:
            return (disregarded(result, reason),)
        contribution = read_result(result, self._models[self._round])
        self._participants[result.collaborator].seen_in_round = self._round
        self._results[result.task][result.collaborator] = contribution
        effects: list[RunEffect] = [disregarded(result, flaw) for flaw in contribution.flaws]
        return effects + self._measured([given.metric for given in contribution.measurements])

    @property
    def is_round_complete(self) -> bool:
        """Whether everything is there that the running round waits for."""
        return not self.is_over and all(
            len(given) == len(self._participants) for given in self._results.values()
        )

    def outcome(self) -> Outcome:
        """Compute what the complete round comes to; only once, and then it has to be closed.

        It may take seconds in a thread: until then, collaborators can change nothing.  If the
        run is stopped meanwhile, the round is not to be closed.
        """
        base = self._models[self._round]
        return close(self._round, base, self._ordered_results(), self._combiners)

    def close_round(self, outcome: Outcome) -> Sequence[RunEffect]:
        """Go on to the next round."""
        effects = self._measured(outcome.metrics)
        event = RoundClosed(
            round=self._round,
            model=outcome.model,
            is_best=outcome.score is not None and outcome.score > self._best_score,
            score=outcome.score,
            metrics=tuple(self._metrics[self._round_metrics_start :]),
            reporters=tuple(name for name in self._participants if not self._pending(name)),
            memory=self._memory(),
        )
        self._round_metrics_start = len(self._metrics)
        self._advance(event)
        effects.append(event)
        if self.is_over:
            effects.append(RunCompleted())
        return effects

    # ------------------------------------------------------------ what the Director decides

    def stop(self) -> None:
        """End the run where it stands; collaborators are told to quit."""
        self._is_stopped = True

    def restore(self, closed: Sequence[RoundClosed]) -> None:
        """Go on after these rounds, which are all that have closed, in order.

        Models may be empty but those of the last two rounds and the one before the best round.
        """
        assert self._round == 0
        assert [event.round for event in closed] == list(range(len(closed)))
        for event in closed:
            self._metrics.extend(event.metrics)
            self._advance(event)
        self._round_metrics_start = len(self._metrics)
        if closed:
            self._recall(closed[-1].memory)

    # ------------------------------------------------------------ inside

    def _no_results(self) -> dict[str, dict[EnvoyName, Contribution]]:
        return {task.name: {} for task in self._plan.tasks}

    def _pending(self, collaborator: EnvoyName) -> tuple[Task, ...]:
        if self._round >= self._plan.rounds:
            return ()
        return tuple(
            task for task in self._plan.tasks if collaborator not in self._results[task.name]
        )

    def _refusal(self, result: TaskResult) -> str:
        """Return why a result cannot count, or nothing."""
        if self.is_over:
            return "the run is over"
        if result.collaborator not in self._participants:
            return "its sender has no part in the experiment"
        if result.round != self._round:
            return f"the running round is {self._round}"
        if result.task not in self._results:
            return "the plan has no such task"
        if result.collaborator in self._results[result.task]:
            return "it was reported before"
        return ""

    def _ordered_results(self) -> list[tuple[Task, dict[EnvoyName, Contribution]]]:
        return [
            (task, {name: given[name] for name in self._participants if name in given})
            for task in self._plan.tasks
            for given in (self._results[task.name],)
        ]

    def _advance(self, event: RoundClosed) -> None:
        if event.is_best and event.score is not None:
            self._best, self._best_score = self._models[event.round], event.score
        for name in event.reporters:
            self._participants[name].completed_rounds += 1
        self._round = event.round + 1
        self._models[self._round] = event.model
        self._models.pop(self._round - _KEPT_ROUNDS, None)
        self._results = self._no_results()

    def _measured(self, metrics: Sequence[Metric]) -> list[RunEffect]:
        self._metrics.extend(metrics)
        return [MetricsMeasured(metrics=tuple(metrics))] if metrics else []

    def _difference(self, name: str, round_number: int) -> Array:
        before = self._models.get(round_number - 1, {}).get(name)
        if before is None:
            raise UnavailableError(f"no tensor {name!r} of round {round_number - 1} here")
        after = self._models[round_number][name]
        with np.errstate(invalid="ignore", over="ignore"):
            # Constants such as masks of -inf do not change; their difference would be no number.
            return np.asarray(np.where(np.isfinite(before), after - before, np.float32(0)))

    def _memory(self) -> Model:
        return {
            f"{task}/{name}": value
            for task, combiner in self._combiners.items()
            for name, value in combiner.memory.items()
        }

    def _recall(self, memory: Model) -> None:
        for task, combiner in self._combiners.items():
            prefix = f"{task}/"
            combiner.recall(
                {
                    name.removeprefix(prefix): value
                    for name, value in memory.items()
                    if name.startswith(prefix)
                }
            )
