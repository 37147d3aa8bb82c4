"""Frontends on a bad day: how they bear lost answers, refusals, outages and their own end."""

import asyncio
from typing import get_args

import pytest

from director.core.lifecycle import Status
from director.errors import InvalidUploadError
from protos import director_pb2 as pb
from simulator.history.entry import Kind
from simulator.network.api import PASS, Direction, Message, Replace, Verdict
from simulator.world import MisuploadMode
from tests.simulator.actors.frontends import STEPS, SUBMIT, given, metrics_of, outcomes
from tests.simulator.actors.house import housed
from tests.simulator.actors.refusals import LOST, refuse


async def test_what_was_accepted_although_no_answer_came_is_not_uploaded_again() -> None:
    async with housed() as house:
        house.director.loses_answers = True
        await given(house, SUBMIT)

        (upload,) = house.calls("SetNewExperiment", "alice")
        assert upload.kind is Kind.INFO
        assert outcomes(house, "alice") == [
            ("experiment.accepted", "OK"),
            ("experiment.ended", "finished"),
        ]


async def test_what_was_lost_is_uploaded_again_by_the_robust() -> None:
    async with housed() as house:
        refuse(house, "submit", LOST)
        await given(house, SUBMIT)

        kinds = [call.kind for call in house.calls("SetNewExperiment", "alice")]
        assert kinds == [Kind.INFO, Kind.OK]
        assert outcomes(house, "alice")[0] == ("experiment.accepted", "OK")


async def test_openfl_leaves_what_was_lost_to_its_user() -> None:
    async with housed() as house:
        refuse(house, "submit", LOST)
        frontend = await given(house, SUBMIT, profile="openfl-1.6")

        assert frontend.is_done
        assert len(house.calls("SetNewExperiment", "alice")) == 1
        assert outcomes(house, "alice") == [("experiment.refused", "UNAVAILABLE")]


async def test_a_name_that_was_taken_in_doubt_is_known_as_ones_own() -> None:
    async with housed() as house:
        house.director.loses_answers = True
        # The first look finds nothing, because the acceptance is still on its way.
        refuse(house, "status", InvalidUploadError("not yet"))
        await given(house, SUBMIT)

        kinds = [call.kind for call in house.calls("SetNewExperiment", "alice")]
        assert kinds == [Kind.INFO, Kind.FAIL]
        assert outcomes(house, "alice")[0] == ("experiment.accepted", "OK")


async def test_a_look_that_gets_lost_is_taken_again() -> None:
    async with housed() as house:
        house.director.loses_answers = True
        refuse(house, "status", LOST, LOST)
        await given(house, SUBMIT)

        assert len(house.calls("SetNewExperiment", "alice")) == 1
        assert outcomes(house, "alice")[0] == ("experiment.accepted", "OK")


async def test_a_name_in_doubt_may_be_anothers_after_all() -> None:
    async with housed() as house:
        await given(house, SUBMIT, after_s=1)
        refuse(house, "submit", LOST)
        await given(house, SUBMIT, name="bob")

        assert outcomes(house, "bob") == [("experiment.refused", "ALREADY_EXISTS")]
        assert len(house.calls("SetNewExperiment", "bob")) == 2


async def test_whoever_finds_no_answer_at_all_gives_up() -> None:
    async with housed() as house:
        refuse(house, "submit", *[LOST] * 100)
        refuse(house, "status", *[LOST] * 2000)
        frontend = await given(house, SUBMIT, after_s=50_000)

        assert frontend.is_done
        assert outcomes(house, "alice") == [("experiment.refused", "UNAVAILABLE")]
        assert len(house.calls("SetNewExperiment", "alice")) == 32
        assert len(house.calls("GetExperimentStatus", "alice")) == 32 * 32


async def test_a_plain_no_is_noted_as_such() -> None:
    async with housed() as house:

        def decline(message: Message) -> Verdict:
            is_answer = message.direction is Direction.RESPONSE
            if message.method == "SetNewExperiment" and is_answer:
                return Replace((pb.SetNewExperimentResponse(accepted=False),))
            return PASS

        with house.ruled(decline):
            await given(house, SUBMIT)

        assert outcomes(house, "alice") == [("experiment.refused", "NOT_ACCEPTED")]


async def test_an_experiment_that_the_director_has_forgotten_has_ended() -> None:
    async with housed() as house:
        await given(house, {"submit": {**SUBMIT["submit"], "to": ["nobody"]}}, after_s=1)
        house.director.runs.clear()
        await asyncio.sleep(2)

        assert outcomes(house, "alice")[1:] == [("experiment.ended", "removed")]


async def test_an_outage_does_not_end_the_watch() -> None:
    async with housed() as house:
        refuse(house, "status", LOST, LOST)
        await given(house, SUBMIT)

        assert outcomes(house, "alice")[1:] == [("experiment.ended", "finished")]


async def test_a_damaged_upload_is_submitted_again_as_often_as_was_said() -> None:
    async with housed() as house:
        refuse(house, "submit", *[InvalidUploadError("damaged")] * 2)
        await given(house, {"submit": {**SUBMIT["submit"], "resubmit": 3}})

        assert outcomes(house, "alice")[:3] == [
            ("experiment.refused", "INVALID_ARGUMENT"),
            ("experiment.refused", "INVALID_ARGUMENT"),
            ("experiment.accepted", "OK"),
        ]
        assert len(house.calls("SetNewExperiment", "alice")) == 3


async def test_a_name_that_is_taken_by_another_is_refused_and_not_watched() -> None:
    async with housed() as house:
        await given(house, SUBMIT, after_s=1)
        await given(house, SUBMIT, {"await_end": {"experiment": "e1"}}, name="bob")

        assert outcomes(house, "bob") == [("experiment.refused", "ALREADY_EXISTS")]
        # It asks once whether the name is its own, and never again.
        assert len(house.calls("GetExperimentStatus", "bob")) == 1


async def test_a_restarted_frontend_finds_its_experiment_again() -> None:
    async with housed() as house:
        frontend = await given(
            house,
            {"submit": {**SUBMIT["submit"], "to": ["nobody"]}},
            {"await_end": {"experiment": "e1"}},
            after_s=1,
        )
        await frontend.kill()
        await frontend.start()
        await asyncio.sleep(2)
        house.director.runs["e1"].status = Status.FINISHED
        await asyncio.sleep(5)

        assert frontend.is_done
        assert outcomes(house, "alice") == [
            ("experiment.accepted", "OK"),
            ("experiment.refused", "ALREADY_EXISTS"),
            ("experiment.ended", "finished"),
        ]


async def test_a_broken_stream_is_followed_again_from_the_start() -> None:
    async with housed() as house:
        refuse(house, "metrics-in-between", None, LOST)
        follow = {"experiment": "e1", "reconnect": True}
        await given(house, SUBMIT, {"follow_metrics": follow})

        broken, whole = house.calls("GetMetricStream", "alice")
        assert (broken.kind, broken.code) == (Kind.INFO, "UNAVAILABLE")
        seen, everything = metrics_of(broken), metrics_of(whole)
        assert everything[: len(seen)] == seen
        assert len(everything) == 12


async def test_who_does_not_reconnect_goes_on_with_the_next_step() -> None:
    async with housed() as house:
        refuse(house, "metrics", LOST)
        await given(house, SUBMIT, {"follow_metrics": {"experiment": "e1"}}, {"list": {}})

        assert len(house.calls("GetMetricStream", "alice")) == 1
        assert len(house.calls("GetExperimentsList", "alice")) == 1


async def test_a_follower_may_leave_and_come_back_for_all() -> None:
    async with housed() as house:
        follow = {"experiment": "e1", "leave_after": 3, "reconnect": True}
        await given(house, SUBMIT, {"follow_metrics": follow})

        left, stayed = house.calls("GetMetricStream", "alice")
        assert left.code == "CANCELLED"
        assert [len(metrics_of(call)) for call in (left, stayed)] == [3, 12]


async def test_questions_are_asked_again_by_the_robust_and_once_by_openfl() -> None:
    async with housed() as house:
        for name, profile in (("alice", "robust"), ("bob", "openfl-1.6")):
            refuse(house, "experiments", LOST, LOST)
            await given(house, {"list": {}}, name=name, profile=profile)

        assert len(house.calls("GetExperimentsList", "alice")) == 3
        assert len(house.calls("GetExperimentsList", "bob")) == 1


async def test_a_robust_frontend_gives_up_at_last() -> None:
    async with housed() as house:
        refuse(house, "experiments", *[LOST] * 100)
        frontend = await given(house, {"list": {}}, after_s=1000)

        assert frontend.is_done
        assert len(house.calls("GetExperimentsList", "alice")) == 32


@pytest.mark.parametrize("mode", get_args(MisuploadMode))
async def test_every_misupload_is_made_and_told(mode: str) -> None:
    async with housed() as house:
        await given(house, {"misupload": {"experiment": "bad", "mode": mode}}, after_s=5)

        calls = house.calls("SetNewExperiment", "alice")
        assert calls
        assert {call.request["intent"] for call in calls} == {mode}
        assert all(call.completed_at is not None for call in calls)


async def test_who_hangs_up_and_who_is_late_is_told_apart() -> None:
    async with housed() as house:
        await given(
            house,
            {"misupload": {"experiment": "one", "mode": "cancelled"}},
            {"misupload": {"experiment": "two", "mode": "deadline"}},
        )

        cancelled, late = house.calls("SetNewExperiment", "alice")
        assert (cancelled.kind, cancelled.code) == (Kind.INFO, "CANCELLED")
        assert (late.kind, late.code) == (Kind.INFO, "DEADLINE_EXCEEDED")
        assert house.director.runs == {}
        assert house.network.open_calls() <= 4


async def test_a_killed_frontend_leaves_nothing_behind() -> None:
    async with housed() as house:
        frontend = house.frontend(
            "alice",
            STEPS.validate_python(
                [
                    {"submit": {**SUBMIT["submit"], "to": ["nobody"]}},
                    {"follow_metrics": {"experiment": "e1", "followers": 3}},
                ]
            ),
        )
        await frontend.start()
        await asyncio.sleep(1)

        await frontend.kill()
        await asyncio.sleep(1)

        assert [c.code for c in house.calls("GetMetricStream", "alice")] == ["KILLED"] * 3
        assert house.network.open_calls() == 0
        assert len(asyncio.all_tasks()) == 1
