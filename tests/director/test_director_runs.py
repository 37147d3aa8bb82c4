"""An experiment from its upload to its models, and what others see of it meanwhile."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from director.core.lifecycle import Status
from director.core.model import EnvoyName, Idle, ModelKind, Quit, TaskResult, TensorRequest, Work
from director.core.registry import Registry
from director.errors import UnauthenticatedError, UnknownExperimentError
from director.interface import RunAddress
from director.settings import Limits, Settings
from director.shell.runs import Runs
from tests.director.house import ARCHIVE, CT, MRI, A, House, caller, housed, plan_of


async def running(house: House, *envoys: str) -> list[RunAddress]:
    await house.register(*envoys)
    await house.submit(MRI, *envoys)
    return [await house.join(MRI, envoy) for envoy in envoys]


async def test_an_experiment_runs_from_upload_to_model() -> None:
    async with housed() as house:
        addresses = await running(house, "a", "b")
        assert house.status() is Status.IN_PROGRESS

        await house.work_to_the_end(*addresses)

        assert house.status() is Status.FINISHED
        last = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
        best = await house.director.trained_model(caller(), MRI, ModelKind.BEST)
        assert last["weights"].tolist() == [4.0, 5.0]
        assert best["weights"].tolist() == [3.0, 4.0]


async def test_weights_count_in_the_model() -> None:
    async with housed() as house:
        one, other = await running(house, "a", "b")

        await house.work(one, weight=3, add=0.0)
        await house.work(other, weight=1, add=4.0)

        model = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
        assert model["weights"].tolist() == [2.0, 3.0]


async def test_before_the_first_round_there_is_no_model() -> None:
    async with housed(review_plan_callback=lambda *_: False) as house:
        await house.submit()

        assert await house.director.trained_model(caller(), MRI, ModelKind.BEST) == {}
        await asyncio.sleep(1)
        assert house.status() is Status.REJECTED
        assert await house.director.trained_model(caller(), MRI, ModelKind.LAST) == {}


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


async def test_a_collaborator_that_has_reported_waits_for_the_others() -> None:
    async with housed() as house:
        one, other = await running(house, "a", "b")

        await house.work(one)

        assert isinstance(house.director.tasks(caller("a"), one), Idle)
        assert isinstance(house.director.tasks(caller("b"), other), Work)


async def test_nobody_asks_in_anothers_name() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        eve = caller("eve", tls=True)
        request = TensorRequest(name="weights", round=0, tags=("model",))

        with pytest.raises(UnauthenticatedError):
            house.director.tasks(eve, address)
        with pytest.raises(UnauthenticatedError):
            house.director.aggregated_tensor(eve, address, request)


async def test_strangers_have_no_part_in_a_run() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        stranger = RunAddress(
            sender=EnvoyName("b"), receiver=address.receiver, federation=address.federation
        )

        with pytest.raises(UnauthenticatedError):
            house.director.tasks(caller("b"), stranger)


async def test_what_is_meant_for_another_aggregator_is_not_taken_in() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        request = TensorRequest(name="weights", round=0, tags=("model",))
        astray = replace(address, receiver="aggregator_plan.yaml_0badcafe")

        with pytest.raises(UnauthenticatedError, match="another aggregator"):
            house.director.tasks(caller("a"), astray)
        with pytest.raises(UnauthenticatedError, match="another aggregator"):
            house.director.aggregated_tensor(caller("a"), astray, request)

        # Who does not say for whom it is means whoever answers.
        assert isinstance(house.director.tasks(caller("a"), replace(address, receiver="")), Work)


async def test_a_run_that_is_over_tells_its_collaborators_to_quit() -> None:
    async with housed() as house:
        one, other = await running(house, "a", "b")
        await house.fail(MRI, "b")
        request = TensorRequest(name="weights", round=0, tags=("model",))

        assert isinstance(house.director.tasks(caller("a"), one), Quit)
        assert await house.work(other) == 0
        with pytest.raises(UnauthenticatedError):
            house.director.aggregated_tensor(caller("a"), one, request)


async def test_two_experiments_with_equal_plans_do_not_mix() -> None:
    async with housed() as house:
        await house.register("a")
        await house.submit(MRI)
        await house.submit(CT)

        one, other = await house.join(MRI), await house.join(CT)
        await house.work_to_the_end(one)

        assert one.federation != other.federation
        assert (house.status(MRI), house.status(CT)) == (Status.FINISHED, Status.IN_PROGRESS)


async def test_a_slow_experiment_does_not_hold_up_another() -> None:
    async with housed() as house:
        await house.register("a")
        await house.submit(MRI, "never-there")
        await house.submit(CT, "a")

        assert await house.wait("a") == CT
        await house.work_to_the_end(await house.join(CT))

        assert house.status(CT) is Status.FINISHED


async def test_the_plan_that_is_handed_out_leads_to_this_director() -> None:
    async with housed() as house:
        await house.submit()

        archive = await house.download()

        plan = plan_of(archive)
        assert "agg_addr: director" in plan
        assert "agg_port: 50051" in plan
        assert archive != ARCHIVE


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


async def test_a_removed_experiment_leaves_nothing() -> None:
    async with housed() as house:
        nothing = await house.settled()
        addresses = await running(house, "a", "b")
        await house.work_to_the_end(*addresses)
        assert (await house.settled())["archives"] == 3  # the last model, the best, the metrics

        assert await house.director.remove(caller(), MRI)

        assert await house.settled() == nothing
        assert not await house.director.remove(caller(), MRI)
        assert house.archives.list() == {}


async def test_an_ended_experiment_keeps_its_models_and_not_its_archive() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        await house.work(address)
        await house.fail()
        await house.settled()

        assert len(house.archives.list()) == 3  # the last model, the best, the metrics
        assert house.director.describe(caller(), MRI).reason == (
            "a reported a failure (code 0): no memory"
        )
        model = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
        assert np.array_equal(model["weights"], [2.0, 3.0])


async def test_a_run_that_is_stopped_while_its_round_is_computed_stays_stopped() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        last_report = asyncio.ensure_future(house.work(address))
        while house.director.tasks(caller("a"), address) != Idle(round=0):  # noqa: ASYNC110
            await asyncio.sleep(0)

        await house.fail()
        await last_report

        assert house.status() is Status.FAILED
        assert house.director.describe(caller(), MRI).current_round == 0
        assert (await house.settled())["tasks"] == 0


async def test_a_round_closes_although_the_last_to_report_is_gone() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        last_report = asyncio.ensure_future(house.work(address))
        while house.director.tasks(caller("a"), address) != Idle(round=0):  # noqa: ASYNC110
            await asyncio.sleep(0)

        last_report.cancel()
        await asyncio.sleep(1)

        assert isinstance(house.director.tasks(caller("a"), address), Work)
        assert house.director.describe(caller(), MRI).current_round == 1


async def test_a_result_for_a_run_that_is_over_is_taken_and_forgotten() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        await house.fail()
        late = TaskResult(collaborator=A, round=0, task="train", data_size=1, tensors=())

        await house.director.report_results(caller("a"), address, late)

        assert house.status() is Status.FAILED


async def test_a_model_that_is_removed_while_it_is_stored_leaves_nothing() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        await house.work(address)
        await house.fail()

        await house.director.remove(caller(), MRI)

        assert (await house.settled())["archives"] == 0


async def test_a_model_can_be_fetched_while_it_is_stored() -> None:
    async with housed() as house:
        [address] = await running(house, "a")
        await house.work(address)
        await house.fail()

        early = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
        await house.settled()
        late = await house.director.trained_model(caller(), MRI, ModelKind.LAST)

        assert np.array_equal(early["weights"], late["weights"])
