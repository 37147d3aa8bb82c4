"""Frontends that do their steps, and what they saw and noted."""

import asyncio

from pydantic import TypeAdapter

from simulator.actors import steps
from simulator.actors.frontend import Frontend
from simulator.history.calls import Call
from tests.simulator.actors.house import House

STEPS: TypeAdapter[tuple[steps.Step, ...]] = TypeAdapter(tuple[steps.Step, ...])
SUBMIT = {"submit": {"experiment": "e1", "to": "all", "chunk": "16 KiB"}}


async def given(
    house: House, *do: object, name: str = "alice", profile: str = "robust", after_s: float = 10
) -> Frontend:
    """Let a frontend come to a federation of two envoys, and some time pass."""
    for envoy in ("a", "b"):
        if envoy not in [actor.id for actor in house.actors()]:
            await house.envoy(envoy).start()
    frontend = house.frontend(name, STEPS.validate_python(do), profile=profile)
    await frontend.start()
    await asyncio.sleep(after_s)
    return frontend


def outcomes(house: House, actor: str) -> list[tuple[str, object]]:
    """What the frontend noted of its experiments: topic, and code or status."""
    return [
        (entry.topic, entry.value.get("code") or entry.value.get("status"))
        for entry in house.history.entries
        if entry.actor == actor and entry.topic.startswith("experiment.")
    ]


def metrics_of(call: Call) -> list[list[object]]:
    """What a follower has seen."""
    metrics = call.response["metrics"]
    assert isinstance(metrics, list)
    return metrics
