"""The same seed, the same life: every entry, to the byte."""

import asyncio

import pytest

from director.errors import UnavailableError
from simulator.actors.steps import FollowMetrics, FollowMetricsStep, Submit, SubmitStep
from simulator.actors.training import TrainingSpec
from simulator.engine.loop import VirtualTimeLoop
from simulator.history.entry import Entry
from simulator.pki import Pki
from simulator.world import Pry
from tests.simulator.actors.house import housed


async def lived(seed: int, *, mtls: bool) -> tuple[Entry, ...]:
    """A short life with a loss, a death, a freeze, an attack, and two experiments."""
    spec = TrainingSpec.model_validate({"takes": {"lognormal": {"median": "2s", "p99": "9s"}}})
    async with housed(seed=seed, pki=Pki() if mtls else None) as house:
        envoys = [house.envoy(f"hospital-{n}", training=spec) for n in range(4)]
        for envoy in envoys:
            await envoy.start()
        await house.observer().start()
        house.director.refuses["report_heartbeat"] = house.director.spoils.__class__(
            [None, UnavailableError("lost"), None, UnavailableError("lost")]
        )
        follow = FollowMetricsStep(follow_metrics=FollowMetrics(experiment="e1", reconnect=True))
        submits = [SubmitStep(submit=Submit(experiment=e, to="all")) for e in ("e1", "e2")]
        await house.frontend("alice", [*submits, follow]).start()
        await asyncio.sleep(3)
        await envoys[0].kill()
        envoys[1].pause()
        await house.attack("mallory", Pry(experiments=("e1", "never-was")))
        await asyncio.sleep(5)
        await envoys[0].start()
        envoys[1].resume()
        await asyncio.sleep(60)
        await house.leave()
        return house.history.entries


def run(seed: int, *, mtls: bool = False) -> tuple[Entry, ...]:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(lived(seed, mtls=mtls))


@pytest.mark.parametrize("mtls", [False, True])
def test_the_same_seed_gives_the_same_history(mtls: bool) -> None:  # noqa: FBT001
    assert run(1, mtls=mtls) == run(1, mtls=mtls)


def test_another_seed_gives_another_history() -> None:
    assert run(1) != run(2)
