"""Views: what may be read of the federation, as values that are ready to be sent."""

from dataclasses import dataclass

from director.core.lifecycle import Status
from director.core.model import EnvoyName, ExperimentName, Shard, Task


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
    lacking: str = ""
    """What the running round lacks, where it can only go on once somebody comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSummary:
    """One line of a list of experiments: what costs nothing to know, however many take part."""

    name: ExperimentName
    status: Status
    progress: float
    collaborators: int
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """How far an experiment's run has come, or had come when it ended."""

    progress: float = 0.0
    round: int = 0
    collaborators: tuple[CollaboratorView, ...] = ()
    has_best_model: bool = False
    has_last_model: bool = False
    lacking: str = ""
