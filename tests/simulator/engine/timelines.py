"""Timelines over a fake world, from faults as scenarios write them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from simulator.engine.timeline import Timeline
from simulator.scenario.load import load_text
from tests.simulator.fake_world import FakeWorld

HOSPITALS = ("hospital-1", "hospital-2", "hospital-3", "hospital-4")
BASE = """\
version: 1
name: demo
recover: 20s
envoys: [{group: hospital, count: 4}]
frontends: [{id: alice, do: [{submit: {experiment: e1, to: "@hospital"}}]}]
phases: [{name: calm, for: 10s}, {name: storm, for: 60s}]
"""


def given(*faults: str, world: FakeWorld | None = None) -> tuple[Timeline, FakeWorld]:
    """Return a timeline of calm (10 s), storm (60 s) and recovery (20 s) with these faults."""
    listed = "".join(f"  - {{{fault}}}\n" for fault in faults)
    (case,) = load_text(f"{BASE}faults:\n{listed}" if faults else BASE, Path("x"))
    world = world or FakeWorld(*HOSPITALS, "alice")
    return Timeline(case.scenario, world), world


async def during(timeline: Timeline, *moments: tuple[float, Callable[[], object]]) -> None:
    """Run the timeline, and call each function at its time."""
    loop = asyncio.get_running_loop()
    for at_s, action in moments:
        loop.call_at(at_s, action)
    await timeline.run()
