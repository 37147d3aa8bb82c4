"""Frontends on a good day: how they submit, watch and follow."""

import asyncio
from typing import get_args

from simulator.actors import steps
from tests.simulator.actors.frontends import SUBMIT, given, metrics_of, outcomes
from tests.simulator.actors.house import housed


async def test_steps_are_done_in_order() -> None:
    async with housed() as house:
        frontend = await given(
            house,
            SUBMIT,
            {"follow_metrics": {"experiment": "e1"}},
            {"await_end": {"experiment": "e1"}},
            {"status": {"experiment": "e1"}},
            {"describe": {"experiment": "e1"}},
            {"fetch_model": {"experiment": "e1", "which": "last"}},
            {"list": {}},
            {"status": {"experiment": "never-was"}},
        )

        assert frontend.is_done
        assert frontend.is_alive
        assert outcomes(house, "alice") == [
            ("experiment.accepted", "OK"),
            ("experiment.ended", "finished"),
        ]
        asked = [call.topic for call in house.history.all_calls if call.actor == "alice"]
        assert asked[:4] == ["GetDatasetInfo", "GetEnvoys", "SetNewExperiment", "GetMetricStream"]
        assert asked[-5:] == [
            "GetExperimentStatus",
            "GetExperimentDescription",
            "GetTrainedModel",
            "GetExperimentsList",
            "GetExperimentStatus",
        ]


async def test_an_upload_is_told_in_full() -> None:
    async with housed() as house:
        await given(house, SUBMIT, after_s=1)

        (upload,) = house.calls("SetNewExperiment", "alice")
        assert upload.response == {"accepted": True}
        assert upload.request["as"] == "alice"
        assert upload.request["collaborators"] == ["a", "b"]
        assert (upload.request["chunks"], upload.request["rounds"]) == (5, 2)
        assert upload.request["intent"] == "whole"


async def test_what_arrives_at_envoys_is_what_was_told() -> None:
    async with housed() as house:
        await given(house, SUBMIT, after_s=1)

        (upload,), (download,) = (
            house.calls("SetNewExperiment", "alice"),
            house.calls("GetExperimentData", "a"),
        )
        assert download.response["members"] == upload.request["members"]
        assert download.response["plan_rest"] == upload.request["plan_rest"]
        assert download.response["sha256"] != upload.request["sha256"]


async def test_frontends_name_themselves_in_plaintext() -> None:
    async with housed() as house:
        await given(house, SUBMIT, profile="openfl-1.6", after_s=1)

        assert house.director.callers["submit"] == {"alice"}


async def test_rounds_are_the_experiments_before_they_are_the_groups() -> None:
    async with housed() as house:
        await given(house, {"submit": {**SUBMIT["submit"], "rounds": 1}}, after_s=1)

        assert house.director.runs["e1"].rounds == 1


async def test_an_experiment_is_watched_until_it_has_ended() -> None:
    async with housed() as house:
        await given(house, SUBMIT)
        looks = len(house.calls("GetExperimentStatus", "alice"))
        await asyncio.sleep(10)

        assert looks >= 1
        assert len(house.calls("GetExperimentStatus", "alice")) == looks
        assert house.calls("GetExperimentDescription", "alice")[-1].response["status"] == "finished"


async def test_the_metrics_that_were_seen_are_told_in_order() -> None:
    async with housed() as house:
        await given(house, SUBMIT, {"follow_metrics": {"experiment": "e1", "followers": 2}})

        one, two = house.calls("GetMetricStream", "alice")
        metrics = metrics_of(one)
        assert len(metrics) == 2 * 2 * 3
        assert metrics == metrics_of(two)
        assert metrics[0][:3] == ["a", "aggregated_model_validation", "score"]


async def test_a_removed_experiment_has_ended_for_its_owner() -> None:
    async with housed() as house:
        frontend = await given(
            house,
            {"submit": {**SUBMIT["submit"], "to": ["nobody"]}},
            {"remove": {"experiment": "e1"}},
            {"remove": {"experiment": "e1"}},
            {"await_end": {"experiment": "e1"}},
        )

        assert frontend.is_done
        assert outcomes(house, "alice")[1:] == [("experiment.ended", "removed")]
        answers = [c.response["acknowledged"] for c in house.calls("RemoveExperimentData")]
        assert answers == [True, False]


async def test_an_end_is_not_awaited_for_longer_than_was_said() -> None:
    async with housed() as house:
        frontend = await given(
            house,
            {"submit": {**SUBMIT["submit"], "to": ["nobody"]}},
            {"await_end": {"experiment": "e1", "within": "5s"}},
        )

        assert frontend.is_done
        assert outcomes(house, "alice") == [("experiment.accepted", "OK")]


async def test_nobody_waits_for_the_end_of_what_never_began() -> None:
    async with housed() as house:
        frontend = await given(house, {"await_end": {"experiment": "e1"}}, {"sleep": "1s"})

        assert frontend.is_done


async def test_what_came_of_an_expected_refusal_is_noted() -> None:
    async with housed() as house:
        await given(house, SUBMIT, after_s=1)
        await given(
            house,
            *(
                {"expect_denied": {"rpc": rpc, "experiment": "e1"}}
                for rpc in get_args(steps.OwnerRpc)
            ),
            name="bob",
        )

        notes = house.notes("expect_denied", "bob")
        assert [(note.value["rpc"], note.value["code"]) for note in notes] == [
            ("GetExperimentStatus", "NOT_FOUND"),
            ("GetExperimentDescription", "NOT_FOUND"),
            ("GetTrainedModel", "NOT_FOUND"),
            ("GetMetricStream", "NOT_FOUND"),
            ("RemoveExperimentData", "OK"),
        ]
