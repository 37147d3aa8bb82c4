"""The observer: it looks, and asks strangers' questions."""

import asyncio
from collections import deque

from director.errors import UnavailableError
from simulator.actors.steps import Submit, SubmitStep
from tests.simulator.actors.house import housed


async def test_the_observer_reads_the_list_of_envoys_at_intervals() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        await house.observer().start()
        await asyncio.sleep(9.5)

        looks = house.calls("GetEnvoys", "observer")
        assert len(looks) == 10
        assert looks[-1].response["envoys"] == [
            {
                **{
                    key: house.calls("UpdateShardInfo", "a")[0].request[key]
                    for key in ("name", "description", "n_samples", "sample_shape", "target_shape")
                },
                "online": True,
                "running": False,
                "updated": 1.5,
                "valid_s": 4.0,
                "experiment": "",
            }
        ]
        assert len(house.calls("GetDatasetInfo", "observer")) == 2


async def test_the_observer_pries_into_experiments_that_it_hears_of() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        await house.observer().start()
        submit = Submit(experiment="e1", to=("a",))
        await house.frontend("alice", [SubmitStep(submit=submit)]).start()
        await asyncio.sleep(29.5)

        asked = [
            (call.topic, call.request["experiment"], call.code)
            for call in house.history.all_calls
            if call.actor == "observer" and "experiment" in call.request
        ]
        assert asked == [
            ("GetExperimentStatus", "e1", "NOT_FOUND"),
            ("GetExperimentDescription", "never-was", "NOT_FOUND"),
            ("GetTrainedModel", "e1", "NOT_FOUND"),
            ("GetMetricStream", "never-was", "NOT_FOUND"),
            ("GetExperimentStatus", "e1", "NOT_FOUND"),
            ("GetExperimentDescription", "never-was", "NOT_FOUND"),
        ]


async def test_the_observer_bears_an_outage() -> None:
    async with housed() as house:
        await house.observer().start()
        house.director.refuses["status"] = deque([UnavailableError("lost")])
        await asyncio.sleep(9.5)

        assert len(house.calls("GetEnvoys", "observer")) == 10


async def test_the_observer_stops_listening_when_it_leaves() -> None:
    async with housed() as house:
        observer = house.observer()
        await observer.start()
        await asyncio.sleep(1)

        await observer.stop()
        house.record.note("experiment.accepted", {"experiment": "e1", "code": "OK"}, actor="alice")

        assert observer._others == []
