"""What plans ask for, from the uploaded archive to the model that comes of it."""

import asyncio
import gzip
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from director.core.lifecycle import Status
from director.core.model import (
    Array,
    EncodedTensor,
    ModelKind,
    TaskResult,
    TensorRequest,
    Transformer,
    Work,
)
from director.core.tensors import decode
from director.errors import InvalidUploadError, UnsupportedPlanError
from director.interface import RunAddress
from director.settings import Settings
from tests.director.house import MRI, WEIGHTS, House, caller, housed, parts
from tests.director.workspace.archives import PLAN, with_plan

STATIC = "openfl.component.StaticGroupedAssigner"


def assigned(*groups: tuple[str, Sequence[str]]) -> str:
    """A plan in which each of these collaborators does some of the tasks."""
    listed = ", ".join(
        f"{{name: {name}, collaborators: [{name}], tasks: [{', '.join(tasks)}]}}"
        for name, tasks in groups
    )
    return f"{PLAN}assigner: {{template: {STATIC}, settings: {{task_groups: [{listed}]}}}}\n"


async def joined(house: House, *envoys: str, plan: str = PLAN) -> list[RunAddress]:
    await house.register(*envoys)
    await house.submit(MRI, *envoys, archive=with_plan(plan))
    return [await house.join(MRI, envoy) for envoy in envoys]


async def last_model(house: House) -> list[float]:
    model = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
    return [float(weight) for weight in model["weights"]]


# ---------------------------------------------------------------- task groups


async def test_everybody_does_the_tasks_of_its_group() -> None:
    plan = assigned(
        ("a", ["train", "aggregated_model_validation"]), ("b", ["aggregated_model_validation"])
    )
    async with housed() as house:
        a, b = await joined(house, "a", "b", plan=plan)

        assert (await house.work(a), await house.work(b)) == (2, 1)

        assert house.director.describe(caller(), MRI).current_round == 1
        assert await last_model(house) == (WEIGHTS + 1).tolist()


async def test_groups_of_others_are_refused() -> None:
    plan = assigned(("a", ["train"]), ("somebody-else", ["aggregated_model_validation"]))
    async with housed() as house:
        with pytest.raises(InvalidUploadError, match="task groups"):
            await house.submit(MRI, "a", "b", archive=with_plan(plan))


# ---------------------------------------------------------------- the network


@pytest.mark.parametrize(
    ("plan_tls", "tls", "here"), [(True, False, "plaintext"), (False, True, "mutual TLS")]
)
async def test_a_plan_that_leads_collaborators_astray_is_refused(
    *, plan_tls: bool, tls: bool, here: str
) -> None:
    archive = with_plan(PLAN.replace("agg_addr: auto", f"tls: {str(plan_tls).lower()}"))
    async with housed() as house:
        with pytest.raises(UnsupportedPlanError) as refused:
            await house.director.submit(caller(tls=tls), parts(archive=archive))

        assert str(refused.value) == (
            f"the plan's network.settings.tls is {str(plan_tls).lower()}, but this Director speaks"
            f" {here} only"
        )


@pytest.mark.parametrize("tls", [False, True])
async def test_a_plan_that_agrees_is_accepted(*, tls: bool) -> None:
    archive = with_plan(PLAN.replace("agg_addr: auto", f"tls: {str(tls).lower()}"))
    async with housed() as house:
        await house.director.submit(caller(tls=tls), parts(archive=archive))

        assert house.status() is Status.IN_PROGRESS


# ---------------------------------------------------------------- aggregations


async def test_an_operator_chooses_the_aggregation_for_plans_that_ask_for_none() -> None:
    async with housed(settings=Settings(aggregation="median")) as house:
        a, b, c = await joined(house, "a", "b", "c")
        for address, add in ((a, 1.0), (b, 2.0), (c, 90.0)):
            await house.work(address, add=add)

        assert await last_model(house) == (WEIGHTS + 2).tolist()


async def test_a_plan_that_asks_for_an_aggregation_gets_it() -> None:
    average = "openfl.interface.aggregation_functions.WeightedAverage"
    plan = PLAN.replace("train_batches,", f"train_batches, aggregation_type: {average},")
    async with housed(settings=Settings(aggregation="median")) as house:
        a, b, c = await joined(house, "a", "b", "c", plan=plan)
        for address, add in ((a, 1.0), (b, 2.0), (c, 90.0)):
            await house.work(address, add=add)

        assert await last_model(house) == (WEIGHTS + 31).tolist()


async def test_an_aggregation_that_is_chosen_holds_for_experiments_that_come_after() -> None:
    async with housed(settings=Settings(aggregation="fedadam")) as house:
        (address,) = await joined(house, "a")
        stored = [entry.record for entry in house.journal.replay()]
        await house.work(address)

        assert "'train_batches': 'fedadam'" in repr(stored)
        first, second = await last_model(house)
        # A step along the change, of a length that the optimiser decides.
        assert 1.0 < first < 2.0
        assert second - first == pytest.approx(1.0)


# ---------------------------------------------------------------- lossy pipelines


def packed(indexes: Sequence[int]) -> bytes:
    return gzip.compress(np.array(indexes, "<f4").tobytes(), mtime=0)


def lossy(
    pipeline: str, codebook: Mapping[int, float], indexes: Sequence[int], *, tags: Sequence[str]
) -> EncodedTensor:
    """Weights as an OpenFL collaborator sends them through one of its pipelines."""
    shape, table = Transformer(int_list=(len(indexes),)), Transformer(int_to_float=codebook)
    kc = Transformer(int_list=shape.int_list, int_to_float=codebook)
    return EncodedTensor(
        name="weights",
        lossless=False,
        tags=tuple(tags),
        transformers=(kc, Transformer()) if pipeline == "KC" else (shape, table, Transformer()),
        content=packed(indexes),
    )


async def train_lossily(house: House, address: RunAddress, sent: EncodedTensor) -> None:
    speaker = caller(address.sender)
    assignment = house.director.tasks(speaker, address)
    assert isinstance(assignment, Work)
    for task in assignment.tasks:
        result = TaskResult(
            collaborator=address.sender,
            round=assignment.round,
            task=task.name,
            data_size=1,
            tensors=(sent,) if task.task_type == "train" else (),
        )
        await house.director.report_results(speaker, address, result)


def given(house: House, address: RunAddress, round_number: int, *tags: str) -> Array:
    request = TensorRequest(
        name="weights", round=round_number, tags=tags, require_lossless="model" in tags
    )
    return decode(house.director.aggregated_tensor(caller(address.sender), address, request))


@pytest.mark.parametrize("pipeline", ["KC", "SKC", "STC"])
async def test_lossy_updates_become_a_model(pipeline: str) -> None:
    plan = f"{PLAN}compression_pipeline: {{template: openfl.pipelines.{pipeline}Pipeline}}\n"
    async with housed() as house:
        a, b = await joined(house, "a", "b", plan=plan)
        book = {0: -1.0, 1: 3.0}

        # In the first round OpenFL sends differences, in later ones the model itself.
        delta = ("delta", "lossy_compressed", "trained")
        await train_lossily(house, a, lossy(pipeline, book, [1, 0], tags=delta))
        await train_lossily(house, b, lossy(pipeline, book, [0, 0], tags=delta))
        assert await last_model(house) == [2.0, 1.0]
        assert given(house, a, 1, "model").tolist() == [2.0, 1.0]
        assert given(house, a, 1, "aggregated", "delta", "lossy_compressed").tolist() == [1, -1]

        whole = ("lossy_compressed", "trained")
        await train_lossily(house, a, lossy(pipeline, {7: 0.5, 9: 8.0}, [9, 7], tags=whole))
        await train_lossily(house, b, lossy(pipeline, {7: 0.5, 9: 8.0}, [7, 7], tags=whole))

        assert await last_model(house) == [4.25, 0.5]


async def test_a_pipeline_that_we_cannot_undo_is_refused_by_name() -> None:
    plan = f"{PLAN}compression_pipeline: {{template: openfl.pipelines.EdenPipeline}}\n"
    async with housed() as house:
        with pytest.raises(UnsupportedPlanError, match="EdenPipeline"):
            await house.submit(archive=with_plan(plan))

        await asyncio.sleep(1)
        assert house.director.experiments(caller()) == []
