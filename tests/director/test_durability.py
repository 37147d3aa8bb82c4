"""What a Director that was started again knows of experiments, limits and itself."""

import asyncio
import logging

import pytest

from director.core.events import RunningLimitSet
from director.core.lifecycle import Status
from director.core.model import ExperimentName, ModelKind
from director.settings import Limits, Settings
from tests.director.durable import Storage, model
from tests.director.house import CT, MRI, caller, housed


async def test_a_run_goes_on_from_its_last_closed_round(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a", "b")
        await house.submit(MRI, "a", "b")
        a, b = await house.join(MRI, "a"), await house.join(MRI, "b")
        await house.work(a)
        await house.work(b)
        await house.work(a, add=50.0)  # of a round that does not close
        before = house.director.describe(caller(), MRI)
        models = [await model(house, kind=kind) for kind in ModelKind]
        # The Director is killed: whatever it would still write does not count.
        await house.director.abandon()

    async with housed(**storage) as house:
        after = house.director.describe(caller(), MRI)
        assert (after.status, after.current_round) == (Status.IN_PROGRESS, 1)
        assert after.progress == before.progress == pytest.approx(1 / 3)
        assert [await model(house, kind=kind) for kind in ModelKind] == models
        assert await house.work(a) > 0
        await house.work_to_the_end(a, b)
        assert house.status() is Status.FINISHED
        assert await model(house) == [4.0, 5.0]


async def test_what_ended_experiments_have_left_can_be_fetched(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit(MRI)
        await house.work_to_the_end(await house.join(MRI))
        await house.submit(CT)
        await house.work(await house.join(CT))
        await house.fail(CT)
        await house.settled()
        names = (MRI, CT)
        described = [house.director.describe(caller(), name) for name in names]
        models = [await model(house, name, kind) for name in names for kind in ModelKind]
        metrics = [await house.metrics(name) for name in names]
        assert all(metrics)

    for _ in range(2):
        async with housed(**storage) as house:
            assert [house.director.describe(caller(), name) for name in names] == described
            assert [
                await model(house, name, kind) for name in names for kind in ModelKind
            ] == models
            assert [await house.metrics(name) for name in names] == metrics
            assert [metric.value for told in metrics for metric in told]


async def test_followers_of_a_run_see_its_closed_rounds_again(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit()
        address = await house.join()
        await house.work(address)
        following = asyncio.ensure_future(house.metrics())
        await house.settled()
        await house.director.abandon()
        following.cancel()

    async with housed(**storage) as house:
        following = asyncio.ensure_future(house.metrics())
        await house.work_to_the_end(address)

        metrics = await following
        assert sorted({metric.round for metric in metrics}) == [0, 1, 2]
        labels = [(told.origin, told.task, told.name, told.round) for told in metrics]
        assert len(set(labels)) == len(labels)


async def test_a_removed_experiment_stays_removed_with_all_that_came_of_it(
    storage: Storage,
) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit()
        await house.work_to_the_end(await house.join())
        await house.settled()
        await house.director.remove(caller(), MRI)
        await house.director.abandon()

    async with housed(**storage) as house:
        assert house.director.experiments(caller()) == []
        assert await house.download() == b""
        assert storage["archives"].list() == {}


# ---------------------------------------------------------------- settings, and what is told


async def test_a_lower_limit_takes_nothing_back(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.submit(MRI)
        await house.submit(CT)
        await house.director.abandon()

    one = Settings(limits=Limits(max_running_experiments=1))
    async with housed(**storage, settings=one) as house:
        assert [house.status(name) for name in (MRI, CT)] == [Status.IN_PROGRESS] * 2
        await house.submit(ExperimentName("next"))
        await house.fail(MRI)
        assert house.status(ExperimentName("next")) is Status.PENDING
        await house.fail(CT)
        assert house.status(ExperimentName("next")) is Status.IN_PROGRESS
        await house.director.abandon()

    async with housed(**storage) as house:
        assert house.status(ExperimentName("next")) is Status.IN_PROGRESS
        records = [entry.record for entry in storage["journal"].replay()]
        limits = [record for record in records if isinstance(record, RunningLimitSet)]
        assert limits == [RunningLimitSet(limit=1), RunningLimitSet(limit=32)]


async def test_a_start_tells_what_was_recovered(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with housed(**storage) as house:
        assert "recovered" not in caplog.text
        await house.register("a", "b")
        await house.submit(MRI, "a")
        await house.submit(CT, "b")
        await house.fail(CT, "b")
        await house.work(await house.join(MRI))
        await house.director.abandon()

    async with housed(**storage):
        assert "recovered: 2 experiments (1 running at round 2), 2 envoys, 0 ms" in caplog.text
