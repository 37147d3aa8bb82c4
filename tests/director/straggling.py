"""A federation whose collaborators die and tarry."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from director.clock import Clock
from director.core.model import EnvoyName
from director.core.queries import ExperimentView
from director.interface import RunAddress
from director.settings import Settings
from tests.director.house import MRI, House, caller, housed
from tests.director.workspace.archives import PLAN, with_plan

PERIOD_S = 10
DEAD_S = 2 * PERIOD_S + 4 * PERIOD_S
"""After this silence a collaborator is dead by default: offline, and four periods more."""


@asynccontextmanager
async def federation(
    *envoys: str, plan: str = PLAN, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[tuple[House, list[RunAddress]]]:
    """A Director, and envoys that have all fetched an experiment."""
    async with housed(
        clock=clock, envoy_health_check_period=PERIOD_S, settings=Settings(**settings)
    ) as house:
        await house.register(*envoys)
        await house.submit(MRI, *envoys, archive=with_plan(plan))
        yield house, [await house.join(MRI, envoy) for envoy in envoys]


async def beat(house: House, *envoys: str, for_s: float) -> None:
    """Let envoys live, and the others be silent."""
    for _ in range(round(for_s / PERIOD_S)):
        for envoy in envoys:
            await house.director.report_heartbeat(
                caller(envoy), EnvoyName(envoy), is_experiment_running=True, devices=()
            )
        await asyncio.sleep(PERIOD_S)


def described(house: House) -> ExperimentView:
    return house.director.describe(caller(), MRI)


def statuses(house: House) -> list[str]:
    return [view.status for view in described(house).collaborators]
