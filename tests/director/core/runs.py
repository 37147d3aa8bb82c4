"""A small run to test with: two collaborators, OpenFL's three tasks, a model of two tensors."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from director.core.aggregation import Aggregation
from director.core.checkpoints import Checkpoint, ClosedRound
from director.core.model import (
    Array,
    BlobId,
    EncodedTensor,
    EnvoyName,
    Model,
    Plan,
    Task,
    TaskResult,
)
from director.core.run_effects import RoundClosed, RunEffect
from director.core.tensors import encode

A, B = EnvoyName("a"), EnvoyName("b")
TRAIN = Task(name="train", function_name="fit", task_type="train")
LOCAL = Task(
    name="locally_tuned_model_validate",
    function_name="check",
    task_type="validate",
    apply_local=True,
)
GLOBAL = Task(name="aggregated_model_validate", function_name="check", task_type="validate")
PLAN = Plan(rounds=2, tasks=(TRAIN, LOCAL, GLOBAL))

E = TypeVar("E", bound=RunEffect)


def array(*values: float) -> Array:
    return np.array(values, np.float32)


MODEL: Model = {"slope": array(1.0, 2.0), "bias": array(0.0)}


def started(plan: Plan = PLAN, model: Model = MODEL) -> Aggregation:
    return Aggregation(plan, [A, B], model)


def trained(
    collaborator: EnvoyName,
    model: Model,
    *,
    size: int = 1,
    round_number: int = 0,
    tags: Sequence[str] = ("compressed", "trained"),
    loss: float = 0.5,
) -> TaskResult:
    tensors = [
        encode(name, value, round_number=round_number, tags=tags) for name, value in model.items()
    ]
    loss_tensor = metric("loss", loss, tags=("compressed", "metric", "trained"))
    return TaskResult(
        collaborator=collaborator,
        round=round_number,
        task=TRAIN.name,
        data_size=size,
        tensors=(*tensors, loss_tensor),
    )


def validated(
    collaborator: EnvoyName,
    score: float,
    *,
    task: Task = GLOBAL,
    size: int = 1,
    round_number: int = 0,
) -> TaskResult:
    tag = "validate_local" if task.apply_local else "validate_agg"
    return TaskResult(
        collaborator=collaborator,
        round=round_number,
        task=task.name,
        data_size=size,
        tensors=(metric("acc", score, tags=("compressed", "metric", tag)),),
    )


def metric(
    name: str, value: float, *, tags: Sequence[str] = ("metric",), report: bool = True
) -> EncodedTensor:
    scalar = np.asarray(value, np.float32)
    return encode(name, scalar, round_number=0, tags=tags, report=report)


def play_round(
    run: Aggregation,
    *,
    scores: Sequence[float] = (0.5, 0.5),
    models: Sequence[Model] = (MODEL, MODEL),
    sizes: Sequence[int] = (1, 1),
) -> list[RunEffect]:
    """Let everybody report everything of the running round."""
    effects: list[RunEffect] = []
    number = run.round
    for collaborator, score, model, size in zip((A, B), scores, models, sizes, strict=True):
        for result in (
            trained(collaborator, model, size=size, round_number=number),
            validated(collaborator, 0.9, task=LOCAL, size=size, round_number=number),
            validated(collaborator, score, size=size, round_number=number),
        ):
            effects += run.handle(result)
    return effects


def only(kind: type[E], effects: Sequence[RunEffect]) -> list[E]:
    return [effect for effect in effects if isinstance(effect, kind)]


def plain(model: Model) -> dict[str, list[float]]:
    return {name: value.tolist() for name, value in model.items()}


def restored(closed: Sequence[RoundClosed], plan: Plan = PLAN) -> Aggregation:
    """A run that is opened again, with no more than what its checkpoint names."""
    stored: dict[BlobId, Model] = {BlobId("model of 0"): MODEL}
    checkpoint = Checkpoint(models={0: BlobId("model of 0")})
    for outcome in closed:
        model, memory = BlobId(f"model of {outcome.round + 1}"), BlobId(f"memory {outcome.round}")
        stored |= {model: outcome.model, memory: outcome.memory}
        checkpoint = checkpoint.after(
            ClosedRound(
                number=outcome.round,
                model=model,
                memory=memory,
                is_best=outcome.is_best,
                score=outcome.score,
                metrics=outcome.metrics,
                missing=tuple(name for name in (A, B) if name not in outcome.reporters),
            )
        )
    models = {number: stored[blob] for number, blob in checkpoint.models.items()}
    run = started(plan, models[checkpoint.round])
    memory_blob = checkpoint.memory
    run.restore(checkpoint, models, {} if memory_blob is None else stored[memory_blob])
    return run
