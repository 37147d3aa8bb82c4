"""Envoys: how they are killed, leave, come again, freeze and thaw."""

import asyncio

from director.core.lifecycle import Status
from simulator.actors.training import TrainingSpec
from simulator.history.entry import Kind
from tests.simulator.actors.envoys import given_experiment
from tests.simulator.actors.house import housed
from tests.simulator.actors.refusals import LOST, refuse


async def test_a_killed_envoy_leaves_nothing_behind() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)

        await envoy.kill()

        assert not envoy.is_alive
        assert house.network.open_calls() == 0
        assert len(asyncio.all_tasks()) == 1
        wait = house.calls("WaitExperiment", "a")[-1]
        assert wait.kind is Kind.INFO
        assert wait.response == {"code": "KILLED", "details": "the caller was killed"}
        assert house.topics("a")[-1] == "actor.kill"


async def test_an_envoy_that_leaves_cancels_what_is_open() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)

        await envoy.stop()
        await envoy.stop()

        assert house.calls("WaitExperiment", "a")[-1].response["code"] == "CANCELLED"
        assert [note.topic for note in house.notes("actor.stop", "a")] == ["actor.stop"]


async def test_a_restarted_envoy_begins_anew_over_a_new_connection() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "4s"})
        envoy = house.envoy("a", training=spec)
        await given_experiment(house, envoy)
        await asyncio.sleep(1)
        house.director.runs["e1"].fetched.clear()

        await envoy.kill()
        await asyncio.sleep(1)
        await envoy.start()
        await asyncio.sleep(10)

        assert house.director.runs["e1"].status is Status.FINISHED
        one, two = house.calls("UpdateShardInfo", "a")
        assert (one.request["connection"], two.request["connection"]) == (1, 2)
        assert len(house.notes("envoy.registered", "a")) == 2


async def test_a_restarted_envoy_trains_again_what_it_needs_to_validate() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s"})
        envoy = house.envoy("a", training=spec)
        # Everything of the round is reported but the last task.
        refuse(house, "report_results", None, None, LOST)
        await given_experiment(house, envoy, rounds=1)
        await asyncio.sleep(0.4)

        house.director.runs["e1"].fetched.clear()
        await envoy.kill()
        await envoy.start()
        await asyncio.sleep(5)

        assert house.director.runs["e1"].status is Status.FINISHED
        assert [note.value["task"] for note in house.notes("training.done", "a")] == [
            "train",
            "locally_tuned_model_validation",
        ]


async def test_a_frozen_envoy_neither_sends_nor_reads() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)
        before = len(house.history.all_calls)

        envoy.pause()
        await asyncio.sleep(20)

        assert envoy.is_alive
        assert len(house.history.all_calls) == before
        assert house.calls("WaitExperiment", "a")[-1].completed_at is None


async def test_a_thawed_envoy_goes_on_where_it_stood() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)
        envoy.pause()
        envoy.pause()
        await asyncio.sleep(20)

        envoy.resume()
        envoy.resume()
        await asyncio.sleep(3)

        assert house.topics("a")[-2:] == ["actor.pause", "actor.resume"]
        assert house.calls("WaitExperiment", "a")[0].completed_at == 21
        assert house.calls("UpdateEnvoyStatus", "a")[-1].invoked_at >= 21
        assert {call.request["connection"] for call in house.history.all_calls} == {1}


async def test_an_envoy_can_be_killed_while_it_is_frozen() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await asyncio.sleep(1)
        envoy.pause()
        await asyncio.sleep(5)

        await envoy.kill()
        await envoy.start()
        await asyncio.sleep(1)

        assert len(house.notes("envoy.registered", "a")) == 2
        assert house.calls("WaitExperiment", "a")[0].response["code"] == "KILLED"


async def test_the_dead_can_neither_be_frozen_nor_killed() -> None:
    async with housed() as house:
        envoy = house.envoy("a")
        await envoy.start()
        await envoy.kill()

        envoy.pause()
        envoy.resume()
        await envoy.kill()

        assert house.topics("a") == ["actor.start", "actor.kill"]
