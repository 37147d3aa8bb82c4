"""How views are computed from the federation's state."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from director.core.assignments import assignments
from director.core.experiments import Experiment
from director.core.federation import Federation
from director.core.lifecycle import Status
from director.core.model import EnvoyName, ExperimentName
from director.core.participation import CollaboratorStatus
from director.core.registry import Envoy
from director.core.views import CollaboratorView, EnvoyView, ExperimentView, RunView

__all__ = [
    "CollaboratorView",
    "EnvoyView",
    "ExperimentView",
    "RunView",
    "envoy_views",
    "envoys_online",
    "experiment_view",
    "experiments_by_status",
    "online_of",
]


def envoy_views(federation: Federation, now: float, *, viewer: str) -> Sequence[EnvoyView]:
    """Return every registered envoy, in the order of first registration.

    The viewer learns what an envoy works on only where the experiment is theirs.
    """
    valid_s = federation.rules.valid_s
    return [
        EnvoyView(
            shard=envoy.shard,
            is_online=now < envoy.seen_at + valid_s,
            is_experiment_running=envoy.is_experiment_running,
            seen_at=envoy.seen_at,
            valid_s=valid_s,
            experiment=_experiment_of(federation, envoy, viewer),
        )
        for envoy in federation.registry
    ]


def envoys_online(federation: Federation, now: float) -> int:
    """Return how many envoys gave a sign of life that is still valid."""
    valid_s = federation.rules.valid_s
    return sum(now < envoy.seen_at + valid_s for envoy in federation.registry)


def experiments_by_status(federation: Federation) -> Mapping[Status, int]:
    """Return how many experiments have each status; those that were removed count no more."""
    counts = Counter(experiment.status for experiment in federation.catalogue)
    return {status: counts[status] for status in Status}


def online_of(federation: Federation, experiment: Experiment, now: float) -> Collection[EnvoyName]:
    """Return the collaborators of an experiment that are registered and online."""
    valid_s = federation.rules.valid_s
    found = map(federation.registry.find, experiment.collaborators)
    return {
        envoy.name: None for envoy in found if envoy is not None and now < envoy.seen_at + valid_s
    }


def experiment_view(
    experiment: Experiment, run: RunView, online: Collection[EnvoyName] = ()
) -> ExperimentView:
    """Return one experiment; who is online matters where no run has begun."""
    return ExperimentView(
        name=experiment.name,
        status=experiment.status,
        reason=experiment.reason,
        progress=run.progress,
        total_rounds=experiment.plan.rounds,
        current_round=run.round,
        collaborators=run.collaborators or _idle(experiment, online),
        tasks=experiment.plan.tasks,
        has_best_model=run.has_best_model,
        has_last_model=run.has_last_model,
        lacking="" if experiment.status.is_terminal else run.lacking,
    )


def _experiment_of(federation: Federation, envoy: Envoy, viewer: str) -> ExperimentName | None:
    if envoy.experiment is None:
        return None
    experiment = federation.catalogue.get(envoy.experiment)
    if experiment is None or experiment.status is not Status.IN_PROGRESS:
        return None
    if experiment.owner != viewer:
        return None
    return None if experiment.parts[envoy.name].is_dismissed else experiment.name


def _idle(experiment: Experiment, online: Collection[EnvoyName]) -> tuple[CollaboratorView, ...]:
    assigned = assignments(experiment.plan, experiment.collaborators, 0)
    is_over = experiment.status.is_terminal
    here = CollaboratorStatus.STOPPED if is_over else CollaboratorStatus.PENDING
    return tuple(
        CollaboratorView(
            name=name,
            status=here if name in online else CollaboratorStatus.ABSENT,
            progress=0.0,
            round=0,
            current_task="",
            next_task="" if is_over else assigned[name][0].name,
        )
        for name in experiment.collaborators
    )
