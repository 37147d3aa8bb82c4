"""How views are computed from the federation's state."""

from collections import Counter
from collections.abc import Collection, Mapping, MutableMapping, Sequence

from director.core.assignments import assignments
from director.core.experiments import Experiment
from director.core.federation import Federation
from director.core.lifecycle import Status
from director.core.model import EnvoyName, ExperimentId, ExperimentName, ModelKind
from director.core.participation import CollaboratorStatus
from director.core.views import (
    CollaboratorView,
    EnvoyView,
    ExperimentSummary,
    ExperimentView,
    RunView,
)

_SHOWN_ROUNDS = 10

__all__ = [
    "CollaboratorView",
    "EnvoyView",
    "ExperimentSummary",
    "ExperimentView",
    "RunView",
    "envoy_views",
    "envoys_online",
    "experiment_summary",
    "experiment_view",
    "experiments_by_status",
    "online_of",
    "recovered",
    "resting_view",
]


def envoy_views(
    federation: Federation,
    now: float,
    *,
    viewer: str,
    known: MutableMapping[EnvoyName, EnvoyView] | None = None,
) -> Sequence[EnvoyView]:
    """Return every registered envoy, in the order of first registration.

    The viewer learns what an envoy works on only where the experiment is theirs.  Views are taken
    from what is known, and noted there, as long as they say the same: a thousand are soon compared.
    """
    known = {} if known is None else known
    valid_s = federation.rules.valid_s
    views: list[EnvoyView] = []
    for envoy in federation.registry:
        is_online = now < envoy.seen_at + valid_s
        experiment = None
        if envoy.experiment is not None:
            experiment = _experiment_of(federation, envoy.experiment, envoy.name, viewer)
        view = known.get(envoy.shard.envoy)
        if (
            view is None
            or view.seen_at != envoy.seen_at
            or view.shard is not envoy.shard
            or view.is_online is not is_online
            or view.is_experiment_running is not envoy.is_experiment_running
            or view.experiment != experiment
        ):
            view = EnvoyView(
                shard=envoy.shard,
                is_online=is_online,
                is_experiment_running=envoy.is_experiment_running,
                seen_at=envoy.seen_at,
                valid_s=valid_s,
                experiment=experiment,
            )
            known[envoy.shard.envoy] = view
        views.append(view)
    return views


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


def recovered(federation: Federation) -> str:
    """Return in words what a Director knows again after its start."""
    running = [str(held.checkpoint.round + 1) for held in federation.catalogue.running]
    shown = running[:_SHOWN_ROUNDS] + ["…"] * (len(running) > _SHOWN_ROUNDS)
    rounds = f" ({len(running)} running at round {', '.join(shown)})" if running else ""
    experiments = _counted(len(federation.catalogue), "experiment")
    return f"{experiments}{rounds}, {_counted(len(federation.registry), 'envoy')}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def experiment_summary(experiment: Experiment) -> ExperimentSummary:
    """Return what a list tells of one experiment."""
    return ExperimentSummary(
        name=experiment.name,
        status=experiment.status,
        progress=_progress(experiment),
        collaborators=len(experiment.parts),
        tasks=len(experiment.plan.tasks),
    )


def _progress(experiment: Experiment) -> float:
    return experiment.checkpoint.round / experiment.plan.rounds


def experiment_view(experiment: Experiment, run: RunView) -> ExperimentView:
    """Return one experiment, whose run has come so far."""
    return ExperimentView(
        name=experiment.name,
        status=experiment.status,
        reason=experiment.reason,
        progress=run.progress,
        total_rounds=experiment.plan.rounds,
        current_round=run.round,
        collaborators=run.collaborators,
        tasks=experiment.plan.tasks,
        has_best_model=run.has_best_model,
        has_last_model=run.has_last_model,
        lacking="" if experiment.status.is_terminal else run.lacking,
    )


def _experiment_of(
    federation: Federation, held: ExperimentId, envoy: EnvoyName, viewer: str
) -> ExperimentName | None:
    experiment = federation.catalogue.get(held)
    if experiment is None or experiment.status is not Status.IN_PROGRESS:
        return None
    if experiment.owner != viewer:
        return None
    return None if experiment.parts[envoy].is_dismissed else experiment.name


def resting_view(experiment: Experiment, online: Collection[EnvoyName] = ()) -> RunView:
    """Return how far an experiment had come that nobody works on, or not yet again.

    Who is online matters where no run has begun.
    """
    checkpoint, plan = experiment.checkpoint, experiment.plan
    is_over = experiment.status.is_terminal or checkpoint.round >= plan.rounds
    assigned = {} if is_over else assignments(plan, experiment.collaborators, checkpoint.round)
    return RunView(
        progress=_progress(experiment),
        round=checkpoint.round,
        collaborators=tuple(
            CollaboratorView(
                name=name,
                status=_resting_status(experiment, name, is_online=name in online),
                progress=checkpoint.completed_by(name).rounds / plan.rounds,
                round=checkpoint.round,
                current_task="",
                next_task="" if is_over else assigned[name][0].name,
            )
            for name in experiment.collaborators
        ),
        has_best_model=checkpoint.model(ModelKind.BEST) is not None,
        has_last_model=checkpoint.model(ModelKind.LAST) is not None,
    )


def _resting_status(experiment: Experiment, name: EnvoyName, *, is_online: bool) -> str:
    checkpoint = experiment.checkpoint
    match experiment.status:
        case Status.FINISHED:
            is_through = checkpoint.completed_by(name).last == experiment.plan.rounds - 1
            usual = CollaboratorStatus.FINISHED if is_through else CollaboratorStatus.DROPPED
        case Status.FAILED:
            usual = CollaboratorStatus.STOPPED
        case Status.REJECTED:
            usual = CollaboratorStatus.STOPPED if is_online else CollaboratorStatus.ABSENT
        case Status.PENDING | Status.IN_PROGRESS:
            usual = CollaboratorStatus.PENDING if is_online else CollaboratorStatus.ABSENT
    return checkpoint.statuses.get(name, usual)
