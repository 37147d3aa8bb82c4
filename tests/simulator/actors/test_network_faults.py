"""Peers under the rules and on the links that faults play with."""

import asyncio

import grpc
import pytest

from director.core.lifecycle import Status
from protos import aggregator_pb2 as agg, director_pb2 as pb
from simulator.actors.steps import FollowMetrics, FollowMetricsStep, Submit, SubmitStep
from simulator.history.entry import Kind
from simulator.network.api import PASS, Direction, Drop, Message, Reject, Replace, Verdict
from tests.simulator.actors.house import House, housed


async def given_experiment(house: House, profile: str = "robust") -> None:
    """An envoy, and alice who submits and follows; a moment passes."""
    await house.envoy("a", profile=profile).start()
    submit = Submit(experiment="e1", to=("a",), chunk=16 * 2**10)
    follow = FollowMetrics(experiment="e1", reconnect=True)
    steps = (SubmitStep(submit=submit), FollowMetricsStep(follow_metrics=follow))
    await house.frontend("alice", steps).start()


async def test_rules_can_name_every_call_by_its_number_in_the_history() -> None:
    async with housed() as house:
        seen: dict[int, str] = {}

        def watch(message: Message) -> Verdict:
            seen[message.call] = message.method
            return PASS

        with house.ruled(watch):
            await given_experiment(house)
            await asyncio.sleep(5)

        calls = {call.number: call.topic for call in house.history.all_calls}
        assert seen == calls


@pytest.mark.parametrize(("profile", "gap_s"), [("robust", 3.5), ("openfl-1.6", 12.0)])
async def test_a_heartbeat_that_gets_lost_is_given_up(profile: str, gap_s: float) -> None:
    async with housed() as house:
        lost: list[int] = []

        def swallow(message: Message) -> Verdict:
            if message.method != "UpdateEnvoyStatus" or lost:
                return PASS
            lost.append(message.call)
            return Drop()

        with house.ruled(swallow):
            await house.envoy("a", profile=profile).start()
            await asyncio.sleep(20)

        first, second = house.calls("UpdateEnvoyStatus", "a")[:2]
        assert first.code == "DEADLINE_EXCEEDED"
        # The robust give up after a period (as far as they know it), the others after ten seconds.
        assert second.invoked_at - first.invoked_at >= gap_s


async def test_a_chunk_that_lies_about_its_size_is_counted_and_fetched_again() -> None:
    async with housed() as house:
        spoilt: list[int] = []

        def lie(message: Message) -> Verdict:
            is_first_chunk = message.method == "GetExperimentData" and message.index == 0
            if not is_first_chunk or message.direction is Direction.REQUEST or spoilt:
                return PASS
            assert isinstance(message.body, pb.ExperimentData)
            spoilt.append(message.call)
            return Replace((pb.ExperimentData(size=1, npbytes=message.body.npbytes),))

        with house.ruled(lie):
            await given_experiment(house)
            await asyncio.sleep(8)

        bad, good = house.calls("GetExperimentData", "a")
        assert (bad.kind, bad.response["mismatched"]) == (Kind.OK, 1)
        assert (good.kind, good.response["mismatched"]) == (Kind.OK, 0)
        assert house.director.runs["e1"].status is Status.FINISHED


async def test_everybody_bears_the_loss_of_every_tenth_message() -> None:
    async with housed() as house:
        dice = house.random("weather")

        def lose(_: Message) -> Verdict:
            lost = Reject(grpc.StatusCode.UNAVAILABLE, "connection reset")
            return lost if dice.random() < 0.1 else PASS

        with house.ruled(lose):
            await given_experiment(house)
            await house.observer().start()
            await asyncio.sleep(120)

        assert house.director.runs["e1"].status is Status.FINISHED
        assert any(call.kind is Kind.INFO for call in house.history.all_calls)


async def test_a_download_goes_on_when_its_black_hole_heals() -> None:
    async with housed() as house:
        house.on_event(
            lambda actor, topic, value: (
                house.network.link(actor).stall()
                if topic == "download.chunk" and value["nth"] == 2
                else None
            )
        )
        await given_experiment(house)
        await asyncio.sleep(30)
        assert len(house.notes("download.chunk", "a")) < 5

        house.network.link("a").heal()
        await asyncio.sleep(20)

        assert house.director.runs["e1"].status is Status.FINISHED
        assert len(house.calls("GetExperimentData", "a")) == 1


async def test_a_cut_connection_is_told_in_the_calls_that_follow() -> None:
    async with housed() as house:
        await given_experiment(house)
        await asyncio.sleep(10)

        house.network.link("a").cut()
        await asyncio.sleep(10)

        waits = house.calls("WaitExperiment", "a")
        before = {call.request["connection"] for call in waits if call.invoked_at < 10}
        after = {call.request["connection"] for call in waits if call.invoked_at >= 10}
        assert (before, after) == ({1}, {2})


async def test_tasks_may_be_handed_out_one_by_one() -> None:
    async with housed() as house:

        def ration(message: Message) -> Verdict:
            if message.method != "GetTasks" or message.direction is Direction.REQUEST:
                return PASS
            assert isinstance(message.body, agg.GetTasksResponse)
            answer = agg.GetTasksResponse()
            answer.CopyFrom(message.body)
            del answer.tasks[1:]
            return Replace((answer,))

        with house.ruled(ration):
            await given_experiment(house)
            await asyncio.sleep(5)

        assert house.director.runs["e1"].status is Status.FINISHED
        # The model of a round is fetched once.
        assert len(house.notes("round.started", "a")) == 2
        assert len(house.calls("GetAggregatedTensor", "a")) == 4


@pytest.mark.parametrize(
    ("profile", "pieces"),
    [("openfl-1.6", [None, None]), ("openfl-1.6-brittle", [None, 0, None])],
)
async def test_results_that_met_an_outage_are_sent_again(
    profile: str, pieces: list[int | None]
) -> None:
    async with housed() as house:
        lost: list[int] = []

        def lose_the_first(message: Message) -> Verdict:
            if message.method != "SendLocalTaskResults" or lost:
                return PASS
            lost.append(message.call)
            return Reject(grpc.StatusCode.UNAVAILABLE, "the connection was reset")

        with house.ruled(lose_the_first):
            await given_experiment(house, profile)
            await asyncio.sleep(60)

        assert house.director.runs["e1"].status is Status.FINISHED
        first, *others = house.calls("SendLocalTaskResults", "a")
        sent = [first, *(call for call in others if call.request["task"] == first.request["task"])]
        assert [call.request.get("pieces") for call in sent[: len(pieces)]] == pieces
        assert sent[-1].is_ok


async def test_tasks_of_which_only_the_name_is_told_are_what_the_plan_says() -> None:
    async with housed() as house:

        def name_only(message: Message) -> Verdict:
            if message.method != "GetTasks" or message.direction is Direction.REQUEST:
                return PASS
            assert isinstance(message.body, agg.GetTasksResponse)
            answer = agg.GetTasksResponse()
            answer.CopyFrom(message.body)
            for task in answer.tasks:
                task.CopyFrom(agg.Task(name=task.name))
            return Replace((answer,))

        with house.ruled(name_only):
            await given_experiment(house)
            await asyncio.sleep(5)

        assert house.director.runs["e1"].status is Status.FINISHED
        reports = [call.request for call in house.calls("SendLocalTaskResults", "a")]
        assert [(request["task"], "weights" in f"{request['tensors']}") for request in reports] == [
            ("aggregated_model_validation", False),
            ("train", True),
            ("locally_tuned_model_validation", False),
        ] * 2


async def test_an_answer_that_is_meant_for_another_ends_the_run() -> None:
    async with housed() as house:

        def mix_up(message: Message) -> Verdict:
            if message.method != "GetTasks" or message.direction is Direction.REQUEST:
                return PASS
            assert isinstance(message.body, agg.GetTasksResponse)
            answer = agg.GetTasksResponse()
            answer.CopyFrom(message.body)
            answer.header.receiver = "somebody-else"
            return Replace((answer,))

        with house.ruled(mix_up):
            await given_experiment(house)
            await asyncio.sleep(5)

        (failure,) = house.director.runs["e1"].failures
        assert "the answer has the header" in failure.description
