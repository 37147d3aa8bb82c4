"""Envoys: how they bear what goes wrong with downloads, reports and aggregators."""

import asyncio
from collections import deque

import pytest

from director.core.lifecycle import Status
from director.errors import ForbiddenError, UnauthenticatedError
from simulator.actors.training import TrainingSpec
from simulator.history.entry import Kind
from tests.simulator.actors.envoys import given_experiment
from tests.simulator.actors.house import housed
from tests.simulator.actors.refusals import LOST, refuse


@pytest.mark.parametrize("spoilt", ["cut", "bit", "empty"])
async def test_a_robust_envoy_downloads_again_what_came_broken(spoilt: str) -> None:
    async with housed() as house:
        house.director.spoils = deque([spoilt])
        await given_experiment(house, house.envoy("a"))
        await asyncio.sleep(8)

        assert house.director.runs["e1"].status is Status.FINISHED
        assert len(house.calls("GetExperimentData", "a")) == 2
        assert len(house.notes("download.done", "a")) == 1


async def test_a_broken_download_tells_how_much_had_come() -> None:
    async with housed() as house:
        house.director.spoils = deque(["cut"])
        await given_experiment(house, house.envoy("a"))

        broken = house.calls("GetExperimentData", "a")[0]
        assert broken.kind is Kind.INFO
        assert broken.response == {
            "chunks": 1,
            "size": 16 * 2**10,
            "mismatched": 0,
            "code": "UNAVAILABLE",
            "details": "cut",
        }


async def test_a_robust_envoy_gives_up_on_an_archive_that_is_always_bad() -> None:
    async with housed() as house:
        house.director.spoils = deque(["bit"] * 4)
        await given_experiment(house, house.envoy("a"))
        await asyncio.sleep(20)

        (failure,) = house.director.runs["e1"].failures
        assert "not an archive" in failure.description
        assert house.director.runs["e1"].status is Status.FAILED


async def test_openfl_reports_an_archive_that_it_cannot_unpack() -> None:
    async with housed() as house:
        house.director.spoils = deque(["bit"])
        await given_experiment(house, house.envoy("a", profile="openfl-1.6"))

        assert len(house.calls("GetExperimentData", "a")) == 1
        assert len(house.director.runs["e1"].failures) == 1


async def test_openfl_as_it_was_meant_asks_again_after_a_broken_download() -> None:
    async with housed() as house:
        house.director.spoils = deque(["cut"])
        await given_experiment(house, house.envoy("a", profile="openfl-1.6"))
        await asyncio.sleep(10)

        assert len(house.notes("experiment.distributed", "a")) == 2
        assert house.director.runs["e1"].status is Status.FINISHED


async def test_a_brittle_envoy_dies_of_a_broken_download_and_its_heart_beats_on() -> None:
    async with housed() as house:
        house.director.spoils = deque(["cut"])
        await given_experiment(house, house.envoy("a", profile="openfl-1.6-brittle"))
        await asyncio.sleep(10)

        (dead,) = house.notes("envoy.dead", "a")
        assert dead.value == {"why": "GetExperimentData: UNAVAILABLE: cut"}
        assert house.calls("WaitExperiment", "a")[-1].invoked_at < 2
        assert house.calls("UpdateEnvoyStatus", "a")[-1].invoked_at > 8


async def test_a_training_that_breaks_is_reported_and_the_envoy_waits_again() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s", "fails": 1.0})
        await given_experiment(house, house.envoy("a", training=spec))
        await asyncio.sleep(5)

        (report,) = house.calls("SetExperimentFailed", "a")
        assert report.request["code"] == 1
        assert "the training broke in round" in str(report.request["description"])
        assert house.calls("WaitExperiment", "a")[-1].invoked_at > 2


async def test_a_lost_failure_report_is_sent_again_by_the_robust() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s", "fails": 1.0})
        refuse(house, "report_failure", LOST)
        await given_experiment(house, house.envoy("a", training=spec))
        await asyncio.sleep(5)

        kinds = [call.kind for call in house.calls("SetExperimentFailed", "a")]
        assert kinds == [Kind.INFO, Kind.OK]


async def test_a_refused_failure_report_is_not_sent_again() -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s", "fails": 1.0})
        refuse(house, "report_failure", ForbiddenError("b", "a"))
        await given_experiment(house, house.envoy("a", training=spec))
        await asyncio.sleep(10)

        assert len(house.calls("SetExperimentFailed", "a")) == 1


@pytest.mark.parametrize(("profile", "dead"), [("openfl-1.6", 0), ("openfl-1.6-brittle", 1)])
async def test_a_brittle_envoy_dies_of_a_lost_failure_report(profile: str, dead: int) -> None:
    async with housed() as house:
        spec = TrainingSpec.model_validate({"takes": "1s", "fails": 1.0})
        refuse(house, "report_failure", LOST)
        await given_experiment(house, house.envoy("a", profile=profile, training=spec))
        await asyncio.sleep(5)

        assert len(house.calls("SetExperimentFailed", "a")) == 1
        assert len(house.notes("envoy.dead", "a")) == dead


async def test_an_aggregator_that_is_away_is_asked_again_after_five_seconds() -> None:
    async with housed() as house:
        refuse(house, "tasks", LOST)
        await given_experiment(house, house.envoy("a", profile="openfl-1.6"))
        await asyncio.sleep(10)

        first, second = house.calls("GetTasks", "a")[:2]
        assert second.invoked_at - first.invoked_at == pytest.approx(5.0)
        assert house.director.runs["e1"].status is Status.FINISHED


async def test_an_aggregator_that_will_not_have_us_ends_the_run() -> None:
    async with housed() as house:
        refuse(house, "tasks", UnauthenticatedError("no part in it"))
        await given_experiment(house, house.envoy("a"))
        await asyncio.sleep(3)

        (failure,) = house.director.runs["e1"].failures
        assert failure.description == "UNAUTHENTICATED: no part in it"


async def test_a_model_of_another_shape_is_not_trained() -> None:
    async with housed() as house:
        await house.envoy("a").start()
        refuse(house, "aggregated_tensor", LOST)
        await given_experiment(house, house.envoy("b"))
        run = house.director.runs["e1"]
        run.model["weights"] = run.model["bias"]
        await asyncio.sleep(20)

        (failure,) = run.failures
        assert "the model of round 0" in failure.description
