"""The runs of an obliging Director: how a round is closed, and what is told of them."""

from dataclasses import dataclass, field

import numpy as np

from director.core.lifecycle import Status
from director.core.model import (
    Array,
    EncodedTensor,
    EnvoyName,
    ExperimentName,
    Failure,
    Metric,
    Task,
    TaskResult,
)
from director.core.queries import ExperimentView


@dataclass
class Run:
    """One experiment; results by task, then by collaborator."""

    owner: str
    collaborators: tuple[EnvoyName, ...]
    content: bytes
    federation: str
    rounds: int
    tasks: tuple[Task, ...]
    model: dict[str, Array]
    status: Status = Status.IN_PROGRESS
    round: int = 0
    fetched: dict[str, int] = field(default_factory=dict)
    results: dict[str, dict[str, TaskResult]] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def close_round(run: Run) -> None:
    trained = [
        {tensor.name: array_of(tensor) for tensor in result.tensors if not tensor.report}
        for result in run.results["train"].values()
    ]
    run.model = {
        name: np.mean([model[name] for model in trained], axis=0).astype(np.float32)
        for name in run.model
    }
    run.round, run.results = run.round + 1, {}
    if run.round == run.rounds:
        run.status = Status.FINISHED


def array_of(tensor: EncodedTensor) -> Array:
    shape = tensor.transformers[0].int_list
    return np.frombuffer(tensor.content, dtype="<f4").astype(np.float32).reshape(shape)


def view_of(name: str, run: Run) -> ExperimentView:
    return ExperimentView(
        name=ExperimentName(name),
        status=run.status,
        reason="",
        progress=run.round / run.rounds,
        total_rounds=run.rounds,
        current_round=run.round,
        collaborators=(),
        tasks=run.tasks,
        has_best_model=True,
        has_last_model=True,
    )
