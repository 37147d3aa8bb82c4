"""Faults that wait for an event, and attackers who come and go."""

from simulator.engine.timeline import LedgerLine
from simulator.world import Attack, Misupload, Upload
from tests.simulator.engine.timelines import HOSPITALS, during, given
from tests.simulator.fake_world import FakeWorld

# ---------------------------------------------------------------- events


async def test_an_event_of_a_target_opens_the_fault_for_that_target() -> None:
    timeline, world = given(
        "id: hole, type: link.blackhole, targets: {group: hospital, pick: one}, "
        "when: {event: download.chunk, nth: 2, experiment: e1, for: 45s}"
    )

    def chunk(actor: str, experiment: str) -> None:
        world.happens("download.chunk", actor, experiment=experiment, nth=1)

    await during(
        timeline,
        (11.0, lambda: chunk("hospital-2", "e1")),
        (12.0, lambda: chunk("hospital-3", "e1")),
        (13.0, lambda: chunk("hospital-3", "other")),
        (14.0, lambda: chunk("hospital-3", "e1")),
        (15.0, lambda: chunk("hospital-2", "e1")),
    )

    assert world.noted("fault.open", "targets") == [(14.0, "", ["hospital-3"])]
    assert world.noted("fault.close", "fault") == [(59.0, "", "hole")]


async def test_the_first_to_come_to_an_event_are_those_who_are_picked() -> None:
    timeline, world = given(
        "id: freeze, type: envoy.pause, targets: {group: hospital, pick: 2}, "
        "when: {event: training.started, for: 1s}"
    )

    def start(actor: str) -> None:
        world.happens("training.started", actor, experiment="e1", round=0, task="train")

    order = ("hospital-4", "hospital-4", "hospital-2", "hospital-1")
    await during(timeline, *((11.0, lambda actor=actor: start(actor)) for actor in order))

    assert world.noted("fault.open", "targets") == [
        (11.0, "", ["hospital-4"]),
        (11.0, "", ["hospital-2"]),
    ]
    assert timeline.ledger[0].planned == timeline.ledger[0].fired == 2


async def test_an_event_of_somebody_else_opens_the_fault_for_all_who_are_picked() -> None:
    timeline, world = given(
        "id: freeze, type: envoy.pause, targets: {group: hospital}, "
        "when: {event: experiment.accepted, experiment: e1, for: 1s}"
    )

    await during(
        timeline,
        (11.0, lambda: world.happens("experiment.accepted", "alice", experiment="e1")),
        (15.0, lambda: world.happens("experiment.accepted", "alice", experiment="e1")),
    )

    assert world.noted("fault.open", "targets") == [(11.0, "", list(HOSPITALS))]


async def test_an_event_may_be_asked_of_one_actor_or_in_one_phase() -> None:
    timeline, world = given(
        "id: mine, type: link.cut, targets: {envoy: hospital-1}, "
        "when: {event: envoy.registered, actor: hospital-2}",
        "id: late, type: link.cut, targets: {envoy: hospital-1}, "
        "when: {event: envoy.registered, phase: storm, actor: hospital-2}",
    )

    await during(
        timeline,
        (4.0, lambda: world.happens("envoy.registered", "hospital-3")),
        (5.0, lambda: world.happens("envoy.registered", "hospital-2")),
        (15.0, lambda: world.happens("envoy.registered", "hospital-2")),
        (80.0, lambda: world.happens("envoy.registered", "hospital-2")),
    )

    assert world.noted("fault.open", "fault") == [(5.0, "", "mine"), (15.0, "", "late")]


async def test_one_fault_may_wait_for_another() -> None:
    timeline, world = given(
        "id: first, type: link.blackhole, targets: {envoy: hospital-1}, when: {at: 20s, for: 5s}",
        "id: second, type: link.cut, targets: {envoy: hospital-2}, "
        "when: {event: fault.close, fault: first}",
    )

    await timeline.run()

    assert world.noted("fault.open", "fault") == [(20.0, "", "first"), (25.0, "", "second")]


async def test_an_event_that_never_comes_leaves_the_fault_unfired() -> None:
    timeline, _ = given(
        "id: hole, type: link.blackhole, targets: {group: hospital}, when: {event: director.kill}"
    )

    await timeline.run()

    assert timeline.ledger[0] == LedgerLine(fault="hole", type="link.blackhole", planned=1)


# ---------------------------------------------------------------- attacks


async def test_an_attacker_comes_at_each_firing_with_an_experiment_of_its_own() -> None:
    timeline, world = given(
        "id: bad, type: stream.corrupt, targets: {frontend: mallory, spawn: true}, "
        "with: {mode: drop}, when: {every: 20s, phase: storm}"
    )

    await timeline.run()

    assert world.attacks == [
        (10.0, "mallory", Upload(experiment="mallory-1")),
        (30.0, "mallory", Upload(experiment="mallory-2")),
        (50.0, "mallory", Upload(experiment="mallory-3")),
    ]
    assert [when for when, *_ in world.noted("fault.close")] == [11.0, 31.0, 51.0]


async def test_the_next_attacker_waits_until_the_last_has_left() -> None:
    world = FakeWorld(*HOSPITALS, attack_s=25.0)
    timeline, _ = given(
        "id: bad, type: upload.misuse, targets: {frontend: mallory, spawn: true}, "
        "with: {modes: [not_zip]}, when: {every: 10s, phase: storm}",
        world=world,
    )

    await timeline.run()

    attacks: list[tuple[float, Attack]] = [(when, attack) for when, _, attack in world.attacks]
    assert attacks == [
        (10.0, Misupload(experiment="mallory-1", mode="not_zip")),
        (35.0, Misupload(experiment="mallory-2", mode="not_zip")),
        (60.0, Misupload(experiment="mallory-3", mode="not_zip")),
    ]
    assert [when for when, *_ in world.noted("fault.close")] == [35.0, 60.0, 70.0]
    assert (timeline.ledger[0].planned, timeline.ledger[0].fired) == (6, 3)


async def test_an_attack_may_finish_after_its_phase_but_not_in_the_recovery() -> None:
    world = FakeWorld(*HOSPITALS, attack_s=8.0)
    timeline, _ = given(
        "id: early, type: upload.misuse, targets: {frontend: eve, spawn: true}, "
        "when: {every: 9s, phase: calm}",
        "id: late, type: upload.misuse, targets: {frontend: tom, spawn: true}, when: {at: 65s}",
        world=world,
    )

    await timeline.run()

    assert world.noted("fault.close", "fault") == [
        (8.0, "", "early"),
        (17.0, "", "early"),
        (70.0, "", "late"),
    ]
