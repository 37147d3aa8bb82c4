"""Faults that judge messages: whom they touch, what they do, and what they write down."""

import asyncio

import grpc
import pytest

from simulator.faults.rpc import Rpc, UnaryRpc
from simulator.network.api import PASS, Direction, Drop, Duplicate, Reject
from tests.simulator.fake_world import FakeWorld
from tests.simulator.faults.faults import fault


async def test_a_dropped_heartbeat_never_arrives_and_is_written_down() -> None:
    world = FakeWorld("a", "b")

    async with fault("heartbeat.drop").inject(world, ["a"]):
        dropped = world.pass_on("a", call=7)

    assert dropped == (0.0, Drop())
    (touch,) = world.notes
    assert (touch.topic, touch.actor, touch.call) == ("fault.touch", "a", 7)
    assert touch.value == {
        "fault": "f",
        "type": "heartbeat.drop",
        "method": "UpdateEnvoyStatus",
        "direction": "request",
        "mode": "drop",
    }


async def test_nothing_else_is_touched() -> None:
    world = FakeWorld("a", "b")

    async with fault("heartbeat.drop").inject(world, ["a"]):
        others = [
            world.pass_on("b"),
            world.pass_on("a", "WaitExperiment"),
            world.pass_on("a", direction=Direction.RESPONSE),
        ]
    healed = world.pass_on("a")

    assert [*others, healed] == [(0.0, PASS)] * 4
    assert world.notes == []


async def test_the_answer_to_a_heartbeat_can_be_lost_instead() -> None:
    world = FakeWorld("a")

    async with fault("heartbeat.drop", with_={"direction": "response"}).inject(world, ["a"]):
        there = world.pass_on("a")
        back = world.pass_on("a", direction=Direction.RESPONSE)

    assert there == (0.0, PASS)
    assert back == (0.0, Drop())


async def test_a_delayed_heartbeat_comes_later() -> None:
    world = FakeWorld("a")

    async with fault("heartbeat.delay", with_={"by": "3s"}).inject(world, ["a"]):
        assert world.pass_on("a") == (3.0, PASS)


async def test_a_duplicated_heartbeat_comes_twice() -> None:
    world = FakeWorld("a")

    async with fault("heartbeat.duplicate").inject(world, ["a"]):
        there = world.pass_on("a")
        back = world.pass_on("a", direction=Direction.RESPONSE)

    assert there == (0.0, Duplicate())
    assert back == (0.0, PASS)


async def test_probability_is_drawn_for_each_message() -> None:
    world = FakeWorld("a")

    async with fault("heartbeat.drop", probability=0.5).inject(world, ["a"]):
        verdicts = [world.pass_on("a")[1] for _ in range(1_000)]

    dropped = verdicts.count(Drop())
    assert 400 < dropped < 600
    assert len(world.notes) == dropped


async def test_what_one_actor_sends_changes_no_others_dice() -> None:
    alone, together = FakeWorld("a", "b"), FakeWorld("a", "b")
    drop = fault("heartbeat.drop", probability=0.5)

    async with drop.inject(alone, ["a", "b"]):
        expected = [alone.pass_on("a") for _ in range(50)]
    async with drop.inject(together, ["a", "b"]):
        seen = [(together.pass_on("a"), together.pass_on("b"))[0] for _ in range(50)]

    assert seen == expected


async def test_a_lost_message_meets_a_reset_connection() -> None:
    world = FakeWorld("a")

    async with fault("rpc.loss", with_={"methods": ["GetEnvoys"]}).inject(world, ["a"]):
        lost = world.pass_on("a", "GetEnvoys")
        other = world.pass_on("a", "GetTasks")
        await asyncio.sleep(0)

    assert isinstance(lost[1], Reject)
    assert lost[1].code is grpc.StatusCode.UNAVAILABLE
    assert other == (0.0, PASS)
    assert world.link("a").cuts == 1


async def test_any_call_can_be_dropped_or_delayed() -> None:
    world = FakeWorld("a")

    async with fault("rpc.drop", with_={"direction": "response"}).inject(world, ["a"]):
        dropped = world.pass_on("a", "GetTasks", direction=Direction.RESPONSE)
    async with fault("rpc.delay", with_={"methods": ["GetTasks"], "by": "2s"}).inject(world, ["a"]):
        delayed = world.pass_on("a", "GetTasks")

    assert dropped == (0.0, Drop())
    assert delayed == (2.0, PASS)


async def test_a_call_is_made_twice_but_a_stream_is_not_torn() -> None:
    world = FakeWorld("a")

    async with fault("rpc.duplicate").inject(world, ["a"]):
        seen = {method: world.pass_on("a", method)[1] for method in Rpc.__args__}  # type: ignore[attr-defined]

    assert [method for method, verdict in seen.items() if verdict == Duplicate()] == list(
        UnaryRpc.__args__  # type: ignore[attr-defined]
    )


async def test_a_slow_link_slows_every_message_both_ways() -> None:
    world = FakeWorld("a")

    async with fault("link.latency", with_={"add": "1s"}).inject(world, ["a"]):
        there = world.pass_on("a", "GetTasks")
        back = world.pass_on("a", "GetTasks", direction=Direction.RESPONSE)

    assert there == back == (1.0, PASS)


async def test_two_delays_add_up() -> None:
    world = FakeWorld("a")
    slow = fault("link.latency", with_={"add": "1s"})
    late = fault("heartbeat.delay", with_={"by": "2s"})

    async with slow.inject(world, ["a"]), late.inject(world, ["a"]):
        assert world.pass_on("a") == (3.0, PASS)


@pytest.mark.parametrize("direction", list(Direction))
async def test_a_lossy_link_loses_either_way(direction: Direction) -> None:
    world = FakeWorld("a")

    async with fault("link.loss").inject(world, ["a"]):
        _, verdict = world.pass_on("a", direction=direction)

    assert isinstance(verdict, Reject)
