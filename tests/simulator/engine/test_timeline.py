"""Phases and fault windows happen when they should, and all is healed before the recovery."""

import asyncio

import pytest

from simulator.engine.timeline import LedgerLine
from simulator.network.api import PASS, Drop
from simulator.world import Attack
from tests.simulator.engine.timelines import HOSPITALS, during, given
from tests.simulator.fake_world import FakeWorld


async def test_phases_follow_each_other_then_the_recovery() -> None:
    timeline, world = given()

    await timeline.run()

    assert world.noted("phase", "name", "state") == [
        (0.0, "", "calm", "begin"),
        (10.0, "", "calm", "end"),
        (10.0, "", "storm", "begin"),
        (70.0, "", "storm", "end"),
        (70.0, "", "recover", "begin"),
        (90.0, "", "recover", "end"),
        (90.0, "", "done", "begin"),
    ]
    assert not world.is_heard


async def test_a_fault_of_a_phase_lasts_as_long_as_the_phase() -> None:
    timeline, world = given(
        "id: hearts, type: heartbeat.drop, targets: {group: hospital}, when: {phase: calm}"
    )
    seen: list[object] = []

    await during(
        timeline,
        (9.0, lambda: seen.append(world.pass_on("hospital-1")[1])),
        (11.0, lambda: seen.append(world.pass_on("hospital-1")[1])),
    )

    assert seen == [Drop(), PASS]
    assert [(note.time, note.topic) for note in world.notes if note.topic != "fault.touch"][:5] == [
        (0.0, "phase"),
        (0.0, "fault.open"),
        (10.0, "fault.close"),
        (10.0, "phase"),
        (10.0, "phase"),
    ]
    assert world.noted("fault.open", "fault", "type", "targets") == [
        (0.0, "", "hearts", "heartbeat.drop", list(HOSPITALS))
    ]
    assert timeline.ledger == (
        LedgerLine(fault="hearts", type="heartbeat.drop", planned=1, fired=1, touched=1),
    )


async def test_a_fault_at_a_time_lasts_as_long_as_it_says() -> None:
    timeline, world = given(
        "id: hole, type: link.blackhole, targets: {envoy: hospital-2}, when: {at: 15s, for: 5s}"
    )
    link = world.link("hospital-2")
    seen: list[str] = []

    await during(
        timeline, *((at_s, lambda: seen.append(link.stalled)) for at_s in (14, 16, 19, 21))
    )

    assert seen == ["", "updown", "updown", ""]
    assert world.noted("fault.close", "fault") == [(20.0, "", "hole")]


async def test_every_window_is_healed_when_the_recovery_begins() -> None:
    timeline, world = given(
        "id: dead, type: envoy.kill, targets: {group: hospital, pick: all}, when: {at: 15s}",
        "id: hole, type: link.blackhole, targets: {group: hospital}, when: {at: 12s, for: 10m}",
    )

    await timeline.run()

    assert world.noted("fault.close", "fault") == [(70.0, "", "dead"), (70.0, "", "hole")]
    assert all(world.actor(name).lives == 2 for name in HOSPITALS)
    topics = [note.topic for note in world.notes]
    recovery = [note.value.get("name") for note in world.notes].index("recover")
    assert "fault.close" not in topics[recovery:]


async def test_a_fault_comes_again_and_again_within_its_phase() -> None:
    timeline, world = given(
        "id: cut, type: link.cut, targets: {envoy: hospital-1}, when: {every: 25s, phase: storm}"
    )

    await timeline.run()

    assert [when for when, *_ in world.noted("fault.open")] == [10.0, 35.0, 60.0]
    assert world.link("hospital-1").cuts == 3
    assert timeline.ledger[0] == LedgerLine(
        fault="cut", type="link.cut", planned=3, fired=3, touched=3
    )


async def test_without_a_phase_it_comes_from_the_start_of_the_run() -> None:
    timeline, world = given(
        "id: cut, type: link.cut, targets: {envoy: hospital-1}, when: {every: 25s}"
    )

    await timeline.run()

    assert [when for when, *_ in world.noted("fault.open")] == [0.0, 25.0, 50.0]


async def test_jitter_makes_each_firing_late_by_chance() -> None:
    fault = (
        "id: cut, type: link.cut, targets: {envoy: hospital-1}, "
        "when: {every: 10s, jitter: 5s, phase: storm}"
    )
    timeline, world = given(fault)

    await timeline.run()

    late = [when - 10 * (index + 1) for index, (when, *_) in enumerate(world.noted("fault.open"))]  # type: ignore[operator]
    assert len(late) == 6
    assert all(0 <= lateness < 5 for lateness in late)
    assert len(set(late)) == 6


async def test_each_firing_picks_anew_among_the_living() -> None:
    timeline, world = given(
        "id: down, type: envoy.restart, targets: {group: hospital, pick: one}, "
        "with: {down: 2s}, when: {every: 3s, phase: storm}"
    )
    await world.actor("hospital-3").kill()

    await timeline.run()

    targets = [str(targets) for _, _, targets in world.noted("fault.open", "targets")]
    assert len(targets) == 20
    assert set(targets) == {f"['{name}']" for name in HOSPITALS if name != "hospital-3"}


async def test_where_nobody_lives_who_could_be_hit_nothing_happens() -> None:
    timeline, world = given(
        "id: freeze, type: envoy.pause, targets: {envoy: hospital-3}, when: {phase: storm}"
    )
    await world.actor("hospital-3").kill()

    await timeline.run()

    assert world.noted("fault.open") == []
    assert timeline.ledger[0] == LedgerLine(fault="freeze", type="envoy.pause", planned=1)


async def test_a_firing_happens_with_its_probability() -> None:
    timeline, world = given(
        "id: cut, type: link.cut, targets: {envoy: hospital-1}, probability: 0.5, "
        "when: {every: 1s, phase: storm}"
    )

    await timeline.run()

    assert timeline.ledger[0].planned == 60
    assert 15 < timeline.ledger[0].fired < 45
    assert timeline.ledger[0].fired == world.link("hospital-1").cuts


# ---------------------------------------------------------------- endings


async def test_a_run_that_is_broken_off_heals_everything() -> None:
    timeline, world = given(
        "id: dead, type: envoy.kill, targets: {group: hospital, pick: all}, when: {at: 15s}",
        "id: bad, type: upload.misuse, targets: {frontend: mallory, spawn: true}, when: {at: 20s}",
    )
    task = asyncio.create_task(timeline.run())
    await asyncio.sleep(20.5)

    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert all(world.actor(name).is_alive for name in HOSPITALS)
    assert world.noted("fault.close", "fault") == [(20.5, "", "bad"), (20.5, "", "dead")]
    assert not world.is_heard
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_of_a_fault_ends_the_run_at_once() -> None:
    def break_down(actor: str, _: Attack) -> None:
        raise RuntimeError(f"{actor} fell over")

    timeline, world = given(
        "id: hole, type: link.blackhole, targets: {group: hospital}, when: {at: 15s}",
        "id: bad, type: upload.misuse, targets: {frontend: mallory, spawn: true}, when: {at: 20s}",
    )
    world.during_attack = break_down

    with pytest.raises(RuntimeError, match="mallory fell over"):
        await timeline.run()

    assert asyncio.get_running_loop().time() == 20.0
    assert world.link("hospital-1").stalled == ""
    assert not world.is_heard


async def test_the_same_seed_makes_the_same_run() -> None:
    async def play(seed: int) -> list[str]:
        timeline, world = given(
            "id: freeze, type: envoy.pause, targets: {group: hospital, pick: 2}, "
            "when: {phase: storm}",
            "id: cut, type: link.cut, targets: {group: hospital, pick: one}, probability: 0.7, "
            "when: {every: 5s, jitter: 2s, phase: storm}",
            world=FakeWorld(*HOSPITALS, seed=seed),
        )
        await timeline.run()
        return [f"{note.topic} {note.value}" for note in world.notes]

    first = await play(1)
    second = await play(1)
    other = await play(2)

    assert first == second
    assert first != other
