"""Envoys that have work: what tests of envoys begin with."""

import asyncio

from simulator.actors.envoy import Envoy
from simulator.actors.steps import Submit, SubmitStep
from tests.simulator.actors.house import House


async def given_experiment(house: House, *envoys: Envoy, name: str = "e1", rounds: int = 2) -> None:
    """Let envoys come, and alice submit an experiment for all of them; a second passes."""
    for envoy in envoys:
        await envoy.start()
    submit = Submit(
        experiment=name, to=tuple(e.id for e in envoys), chunk=16 * 2**10, rounds=rounds
    )
    await house.frontend(f"alice-{name}", [SubmitStep(submit=submit)]).start()
    await asyncio.sleep(1)
