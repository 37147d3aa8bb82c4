"""A run from its upload to its end, as its collaborators see it."""

import asyncio
from dataclasses import replace

import pytest

from director.core.lifecycle import Status
from director.core.model import EnvoyName, Idle, ModelKind, Quit, TaskResult, TensorRequest, Work
from director.errors import UnauthenticatedError
from director.interface import RunAddress
from tests.director.house import ARCHIVE, CT, MRI, A, caller, housed, plan_of, running


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
