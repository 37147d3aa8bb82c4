"""What may be read of the federation: views, and how they are computed from its state.

A view holds values only, ready to be sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from director.core.experiments import Experiment
from director.core.federation import Federation
from director.core.lifecycle import Status
from director.core.model import EnvoyName, ExperimentName, Shard, Task
from director.core.registry import Envoy


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyView:
    """One registered envoy; `seen_at` in seconds since the epoch."""

    shard: Shard
    is_online: bool
    is_experiment_running: bool
    seen_at: float
    valid_s: float
    experiment: ExperimentName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollaboratorView:
    """How far one collaborator has come; task names are "" where there is none."""

    name: EnvoyName
    status: str
    progress: float
    round: int
    current_task: str
    next_task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentView:
    """One experiment, as its owner sees it; progress lies in [0, 1] and never goes back."""

    name: ExperimentName
    status: Status
    reason: str
    progress: float
    total_rounds: int
    current_round: int
    collaborators: tuple[CollaboratorView, ...]
    tasks: tuple[Task, ...]
    has_best_model: bool
    has_last_model: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """How far an experiment's run has come, or had come when it ended."""

    progress: float = 0.0
    round: int = 0
    collaborators: tuple[CollaboratorView, ...] = ()
    has_best_model: bool = False
    has_last_model: bool = False


def envoy_views(federation: Federation, now: float) -> Sequence[EnvoyView]:
    """Return every registered envoy, in the order of first registration."""
    valid_s = federation.rules.valid_s
    return [
        EnvoyView(
            shard=envoy.shard,
            is_online=now < envoy.seen_at + valid_s,
            is_experiment_running=envoy.is_experiment_running,
            seen_at=envoy.seen_at,
            valid_s=valid_s,
            experiment=_experiment_of(federation, envoy),
        )
        for envoy in federation.registry
    ]


def experiment_view(experiment: Experiment, run: RunView) -> ExperimentView:
    """Return one experiment; its collaborators are idle where no run has begun."""
    return ExperimentView(
        name=experiment.name,
        status=experiment.status,
        reason=experiment.reason,
        progress=run.progress,
        total_rounds=experiment.plan.rounds,
        current_round=run.round,
        collaborators=run.collaborators or _idle(experiment),
        tasks=experiment.plan.tasks,
        has_best_model=run.has_best_model,
        has_last_model=run.has_last_model,
    )


def _experiment_of(federation: Federation, envoy: Envoy) -> ExperimentName | None:
    if envoy.experiment is None:
        return None
    experiment = federation.catalogue.get(envoy.experiment)
    if experiment is None or experiment.status is not Status.IN_PROGRESS:
        return None
    return None if experiment.parts[envoy.name].is_dismissed else experiment.name


def _idle(experiment: Experiment) -> tuple[CollaboratorView, ...]:
    return tuple(
        CollaboratorView(
            name=name,
            status=Status.PENDING,
            progress=0.0,
            round=0,
            current_task="",
            next_task="",
        )
        for name in experiment.collaborators
    )
