"""The models of a run: when there are any, and what is left of them and of the archive."""

import asyncio

import numpy as np

from director.core.lifecycle import Status
from director.core.model import ModelKind
from tests.director.house import MRI, caller, housed, running


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
