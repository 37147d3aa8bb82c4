"""What others see of an experiment meanwhile: metrics, descriptions, and nothing of strangers."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from director.core.lifecycle import Status
from director.core.model import ModelKind
from director.core.registry import Registry
from director.errors import UnknownExperimentError
from director.settings import Limits, Settings
from director.shell.runs import Runs
from tests.director.house import CT, MRI, caller, housed, running


async def test_every_follower_sees_every_metric_once_and_in_order() -> None:
    async with housed() as house:
        addresses = await running(house, "a", "b")
        early = [asyncio.ensure_future(house.metrics()) for _ in range(3)]
        await asyncio.sleep(1)

        await house.work_to_the_end(*addresses)

        seen = [await asyncio.wait_for(follower, 1) for follower in early]
        late = await house.metrics()
        assert seen == [late, late, late]
        # 3 rounds, 3 tasks, 2 collaborators and their mean.
        assert len(late) == 27
        assert [metric.round for metric in late] == sorted(metric.round for metric in late)
        assert {metric.origin for metric in late} == {"a", "b", "aggregator"}


async def test_a_follower_that_leaves_takes_nothing_from_the_others() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        stays = asyncio.ensure_future(house.metrics())
        async with aclosing(house.director.metrics(caller(), MRI)) as metrics:
            leaving = asyncio.ensure_future(anext(metrics))
            await house.work(address)
            first = await leaving
        assert house.director.held()["streams"] == 1

        await house.work_to_the_end(address)

        seen = await stays
        assert seen[0] == first
        assert len(seen) == 18
        assert (await house.settled())["streams"] == 0


async def test_a_stream_ends_when_its_experiment_is_removed_rejected_or_fails() -> None:
    async with housed() as house:
        await running(house, "a")
        follower = asyncio.ensure_future(house.metrics())
        await asyncio.sleep(1)
        await house.director.remove(caller(), MRI)
        assert await asyncio.wait_for(follower, 1) == []

        await house.submit(CT)
        follower = asyncio.ensure_future(house.metrics(CT))
        await asyncio.sleep(1)
        await house.fail(CT)
        assert await asyncio.wait_for(follower, 1) == []
        assert await asyncio.wait_for(house.metrics(CT), 1) == []


async def test_only_so_many_may_follow() -> None:
    settings = Settings(limits=Limits(max_streams_per_experiment=1))
    async with housed(settings=settings) as house:
        await running(house, "a")
        follower = asyncio.ensure_future(house.metrics())
        await asyncio.sleep(1)

        with pytest.raises(Exception, match="1 streams follow"):
            await house.metrics()

        follower.cancel()


async def test_a_description_tells_how_far_everybody_is() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        before = house.director.describe(caller(), MRI)
        await house.work(address)
        between = house.director.describe(caller(), MRI)
        await house.work_to_the_end(address)
        after = house.director.describe(caller(), MRI)

        views = (before, between, after)
        assert [view.progress for view in views] == pytest.approx([0.0, 1 / 3, 1.0])
        assert [view.current_round for view in views] == [0, 1, 3]
        assert [view.has_last_model for view in views] == [False, True, True]
        assert (before.total_rounds, len(before.tasks)) == (3, 3)
        assert [view.collaborators[0].status for view in views] == [
            "pending",
            "waiting",
            "finished",
        ]
        assert [told.progress for told in house.director.experiments(caller())] == [1.0]


async def test_a_description_tells_the_truth_before_the_run_and_without_one() -> None:
    async def reject(name: str, _: Path) -> bool:
        await asyncio.sleep(1)
        return name == CT

    async with housed(review_plan_callback=reject) as house:
        await house.register("a")
        await house.submit(MRI, "a", "b")

        pending = house.director.describe(caller(), MRI)
        await asyncio.sleep(2)
        rejected = house.director.describe(caller(), MRI)

        assert [(view.status, view.next_task) for view in pending.collaborators] == [
            ("pending", "train"),
            ("absent", "train"),
        ]
        assert [(view.status, view.next_task) for view in rejected.collaborators] == [
            ("stopped", ""),
            ("absent", ""),
        ]
        assert (rejected.status, rejected.reason) == (
            Status.REJECTED,
            "the reviewer did not approve the plan",
        )


async def test_a_list_counts_collaborators_and_tasks_and_shows_progress() -> None:
    async with housed() as house:
        addresses = await running(house, "a", "b")
        for address in addresses:
            await house.work(address)

        (summary,) = house.director.experiments(caller())

        assert (summary.collaborators, summary.tasks) == (2, 3)
        assert summary.progress == house.director.describe(caller(), MRI).progress == 1 / 3


async def test_a_list_looks_at_no_collaborator(monkeypatch: pytest.MonkeyPatch) -> None:
    async with housed() as house:
        await running(house, "a", "b")
        # A hundred experiments of ten thousand collaborators each would hold everybody up.
        monkeypatch.delattr(Runs, "view")
        monkeypatch.delattr(Registry, "find")

        (summary,) = house.director.experiments(caller())

        assert (summary.name, summary.progress) == (MRI, 0)
        monkeypatch.undo()


async def test_what_is_anothers_is_not_there() -> None:
    async with housed() as house:
        await running(house, "a")
        eve = caller("eve")

        for ask in (
            lambda name: house.director.status(eve, name),
            lambda name: house.director.describe(eve, name),
        ):
            with pytest.raises(UnknownExperimentError) as foreign:
                ask(MRI)
            with pytest.raises(UnknownExperimentError) as absent:
                ask(CT)
            assert str(foreign.value).replace(MRI, CT) == str(absent.value)
        with pytest.raises(UnknownExperimentError):
            await house.director.trained_model(eve, MRI, ModelKind.BEST)
        with pytest.raises(UnknownExperimentError):
            await house.metrics(MRI, owner="eve")
        assert not await house.director.remove(eve, MRI)
        assert house.director.experiments(eve) == []
        assert house.status() is Status.IN_PROGRESS
