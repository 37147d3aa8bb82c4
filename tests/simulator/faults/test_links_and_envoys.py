"""Faults that get hold of a link or of a process, and let go of it again."""

import asyncio

from simulator.faults.base import Firing
from simulator.faults.holds import Holds
from simulator.network.api import PASS, Direction
from tests.simulator.fake_world import FakeWorld
from tests.simulator.faults.faults import fault, instant


async def test_a_black_hole_stalls_both_ways_until_it_is_healed() -> None:
    world = FakeWorld("a", "b")

    async with fault("link.blackhole").inject(world, ["a"]):
        stalled = world.link("a").stalled
        others = world.link("b").stalled

    assert (stalled, others) == ("updown", "")
    assert world.link("a").stalled == ""


async def test_one_way_holes_are_named_by_the_way() -> None:
    world = FakeWorld("a")

    async with fault("link.blackhole_up").inject(world, ["a"]):
        up = world.link("a").stalled
    async with fault("link.blackhole_down").inject(world, ["a"]):
        down = world.link("a").stalled

    assert (up, down) == ("up", "down")


async def test_a_black_hole_records_whom_it_holds_and_each_call_that_falls_in() -> None:
    world = FakeWorld("a")

    async with fault("link.blackhole").inject(world, ["a"]):
        verdicts = [
            world.pass_on("a", call=3),
            world.pass_on("a", call=3, direction=Direction.RESPONSE),
            world.pass_on("a", "SetNewExperiment", call=4, index=5),
        ]

    assert verdicts == [(0.0, PASS)] * 3
    touched = [(note.call, note.value["method"], note.value["mode"]) for note in world.notes]
    assert touched == [(-1, "", "stall"), (3, "UpdateEnvoyStatus", "stall")]


async def test_who_heals_first_does_not_free_what_another_holds() -> None:
    world = FakeWorld("a")
    holds = Holds()
    firing = Firing(holds=holds)
    link = world.link("a")

    async with fault("link.blackhole_up").inject(world, ["a"], firing):
        async with fault("link.blackhole").inject(world, ["a"], firing):
            both = link.stalled
        one = link.stalled

    assert (both, one, link.stalled) == ("updown", "up", "")


async def test_a_cut_resets_the_connection_once() -> None:
    world = FakeWorld("a")

    async with instant("link.cut").inject(world, ["a"]):
        pass

    assert world.link("a").cuts == 1
    assert world.noted("fault.touch", "mode") == [(0.0, "a", "cut")]


async def test_who_is_stranded_is_cut_off_and_the_director_is_told_later() -> None:
    world = FakeWorld("a", "b")

    async with fault("link.strand").inject(world, ["a"]):
        meanwhile = (world.link("a").cuts, world.link("a").deceived)

    assert meanwhile == (1, 1)
    assert (world.link("a").cuts, world.link("a").deceived) == (1, 0)
    assert world.link("b").cuts == 0
    assert world.noted("fault.touch", "mode") == [(0.0, "a", "strand")]


async def test_what_is_done_to_the_dead_touches_nothing() -> None:
    world = FakeWorld("a")
    await world.actor("a").kill()

    for type_ in ("link.blackhole", "envoy.pause", "envoy.kill"):
        async with fault(type_).inject(world, ["a", "not-yet-there"]):
            pass
    async with instant("link.cut").inject(world, ["a"]):
        pass

    assert world.notes == []
    assert world.actor("a").lives == 1


async def test_a_killed_envoy_is_started_afresh_when_the_fault_is_over() -> None:
    world = FakeWorld("a")
    envoy = world.actor("a")

    async with fault("envoy.kill").inject(world, ["a"]):
        was_alive = envoy.is_alive

    assert not was_alive
    assert envoy.is_alive
    assert envoy.lives == 2
    assert world.noted("fault.touch", "mode") == [(0.0, "a", "kill")]


async def test_an_envoy_that_is_killed_for_good_stays_dead() -> None:
    world = FakeWorld("a")

    async with fault("envoy.kill", with_={"for_good": True}).inject(world, ["a"]):
        pass

    assert not world.actor("a").is_alive


async def test_a_restart_brings_the_envoy_back_by_itself() -> None:
    world = FakeWorld("a")
    restart = instant("envoy.restart", with_={"down": "3s"})

    async with restart.inject(world, ["a"]):
        pass

    assert restart.lasts() == 3
    assert world.actor("a").lives == 2


async def test_an_envoy_comes_back_even_where_the_run_is_broken_off() -> None:
    world = FakeWorld("a")

    async def down() -> None:
        async with fault("envoy.kill").inject(world, ["a"]):
            await asyncio.sleep(100)

    task = asyncio.create_task(down())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert world.actor("a").is_alive


async def test_a_paused_envoy_goes_on_when_nobody_holds_it_any_more() -> None:
    world = FakeWorld("a")
    firing = Firing()
    envoy = world.actor("a")

    async with fault("envoy.pause").inject(world, ["a"], firing):
        async with fault("envoy.pause").inject(world, ["a"], firing):
            pass
        still = envoy.is_paused

    assert still
    assert not envoy.is_paused
    assert world.noted("fault.touch", "mode") == [(0.0, "a", "pause")] * 2
