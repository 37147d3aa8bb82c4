"""What becomes of a run whose collaborators die, are slow, or come back; in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from director.clock import Clock
from director.core.lifecycle import Status
from director.core.model import EnvoyName, ModelKind, Quit, TaskResult, Work
from director.core.queries import ExperimentView
from director.core.tensors import encode
from director.interface import RunAddress
from director.settings import Settings
from tests.director.house import MRI, A, B, House, LoopClock, caller, housed
from tests.director.workspace.archives import PLAN, with_plan

C = EnvoyName("c")
PERIOD_S = 10
DEAD_S = 2 * PERIOD_S + 4 * PERIOD_S
"""After this silence a collaborator is dead by default: offline, and four periods more."""
POLICY = "openfl.component.straggler_handling_functions"


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


# ---------------------------------------------------------------- the dead


async def test_a_round_goes_on_without_the_dead_once_a_quorum_has_reported() -> None:
    async with federation("a", "b", "c") as (house, (a, b, _)):
        await house.work(a)
        await house.work(b)
        assert described(house).current_round == 0

        await beat(house, "a", "b", for_s=DEAD_S - PERIOD_S)
        assert described(house).current_round == 0
        await beat(house, "a", "b", for_s=2 * PERIOD_S)

        assert described(house).current_round == 1
        assert statuses(house) == ["waiting", "waiting", "dropped"]


async def test_an_experiment_finishes_without_one_that_never_comes_back() -> None:
    async with federation("a", "b", "c") as (house, (a, b, _)):
        alive = asyncio.create_task(beat(house, "a", "b", for_s=1000))
        while house.status() is Status.IN_PROGRESS:
            await house.work(a)
            await house.work(b)
            await asyncio.sleep(1)
        alive.cancel()

        assert house.status() is Status.FINISHED
        assert statuses(house) == ["finished", "finished", "dropped"]
        assert [view.progress for view in described(house).collaborators] == [1, 1, 0]


async def test_one_that_never_came_at_all_is_left_out_as_well() -> None:
    async with housed(envoy_health_check_period=PERIOD_S) as house:
        await house.register("a", "b")
        await house.submit(MRI, "a", "b", "never-there")
        a, b = await house.join(MRI, "a"), await house.join(MRI, "b")
        await house.work(a)
        await house.work(b)
        assert statuses(house)[2] == "absent"

        await beat(house, "a", "b", for_s=DEAD_S + PERIOD_S)

        assert described(house).current_round == 1


async def test_nobody_is_taken_for_dead_while_the_director_itself_was_away() -> None:
    clock = LoopClock()
    async with federation("a", "b", clock=clock, below_quorum_s=1) as (house, (a, _)):
        await house.work(a)
        await beat(house, "a", "b", for_s=DEAD_S)

        clock.ahead_s = 10 * DEAD_S
        await asyncio.sleep(DEAD_S - PERIOD_S / 2)
        await beat(house, "a", "b", for_s=2 * DEAD_S)
        assert house.status() is Status.IN_PROGRESS

        await beat(house, "a", for_s=DEAD_S + PERIOD_S)
        assert house.status() is Status.FAILED


async def test_one_that_comes_back_joins_the_running_round() -> None:
    async with federation("a", "b", "c") as (house, (a, b, c)):
        await house.work(a)
        await house.work(b)
        await beat(house, "a", "b", for_s=DEAD_S + PERIOD_S)
        late = house.director.tasks(caller("c"), c)

        assert isinstance(late, Work)
        assert late.round == 1
        assert statuses(house)[2] == "in_progress"
        await house.work(a)
        await house.work(b)
        assert described(house).current_round == 1
        await house.work(c)

        assert described(house).current_round == 2
        assert [round(view.progress, 2) for view in described(house).collaborators] == [
            0.67,
            0.67,
            0.33,
        ]


async def test_the_dead_may_come_back_before_the_others_have_reported() -> None:
    async with federation("a", "b", "c") as (house, (a, b, c)):
        await house.work(a)
        await beat(house, "a", "b", for_s=DEAD_S + PERIOD_S)
        assert statuses(house)[2] == "dropped"

        await house.work(c)
        await house.work(b)

        assert described(house).current_round == 1
        assert [view.progress > 0 for view in described(house).collaborators] == [True] * 3


async def test_a_living_collaborator_is_waited_for_however_slow_it_is() -> None:
    async with federation("a", "b", "c") as (house, (a, b, _)):
        await house.work(a)
        await house.work(b)

        await beat(house, "a", "b", "c", for_s=5000)

        assert described(house).current_round == 0
        assert statuses(house) == ["waiting", "waiting", "pending"]


# ---------------------------------------------------------------- too few


async def test_below_the_quorum_an_experiment_fails_and_tells_why() -> None:
    async with federation("a", "b", "c", below_quorum_s=100) as (house, (a, _, _)):
        await house.work(a)
        followed = asyncio.create_task(house.metrics())

        await beat(house, "a", for_s=DEAD_S + 50)
        lacking = described(house)
        await beat(house, "a", for_s=60)

        assert lacking.status is Status.IN_PROGRESS
        assert "needs 2 of 3" in lacking.lacking
        failed = described(house)
        assert failed.status is Status.FAILED
        assert failed.reason == (
            "below the quorum: a round needs 2 of 3 collaborators, and nothing is heard of b, c;"
            " nobody came back in time"
        )
        assert not failed.lacking
        assert statuses(house) == ["stopped", "dropped", "dropped"]
        assert {metric.origin for metric in await followed} == {"a"}
        assert isinstance(house.director.tasks(caller("a"), a), Quit)
        assert (await house.settled())["tasks"] == 0


async def test_somebody_who_comes_back_in_time_saves_the_experiment() -> None:
    async with federation("a", "b", "c", below_quorum_s=100) as (house, (a, b, _)):
        await house.work(a)
        await beat(house, "a", for_s=DEAD_S + 50)

        await house.work(b)
        await beat(house, "a", "b", for_s=500)

        assert house.status() is Status.IN_PROGRESS
        assert described(house).current_round == 1


async def test_an_operator_may_ask_for_everybody() -> None:
    async with federation("a", "b", quorum="all", below_quorum_s=100) as (house, (a, _)):
        await house.work(a)

        await beat(house, "a", for_s=DEAD_S + 120)

        assert house.status() is Status.FAILED
        assert "needs 2 of 2" in described(house).reason


async def test_an_operator_may_do_with_one() -> None:
    async with federation("a", "b", "c", quorum=1, offline_grace_s=0) as (house, (a, _, _)):
        await house.work(a)

        await beat(house, "a", for_s=30)

        assert described(house).current_round == 1


# ---------------------------------------------------------------- the slow


async def test_a_plan_may_close_rounds_once_a_share_has_reported() -> None:
    plan = (
        f"{PLAN}straggler_handling_policy: {{template: {POLICY}.PercentageBasedStragglerHandling,"
        " settings: {percent_collaborators_needed: 0.6}}\n"
    )
    async with federation("a", "b", "c", plan=plan) as (house, (a, b, c)):
        await house.work(a)
        assert described(house).current_round == 0
        await house.work(b)

        assert described(house).current_round == 1
        assert isinstance(house.director.tasks(caller("c"), c), Work)


async def test_a_plan_may_close_rounds_after_a_term() -> None:
    plan = (
        f"{PLAN}straggler_handling_policy: {{template: {POLICY}.CutoffTimeBasedStragglerHandling,"
        " settings: {straggler_cutoff_time: 30, minimum_reporting: 1}}\n"
    )
    async with federation("a", "b", "c", plan=plan) as (house, (a, _, _)):
        await beat(house, "a", "b", "c", for_s=100)
        await house.work(a)

        await beat(house, "a", "b", "c", for_s=20)
        assert described(house).current_round == 0
        await beat(house, "a", "b", "c", for_s=20)

        assert described(house).current_round == 1


async def test_an_operator_may_set_a_term_too() -> None:
    async with federation("a", "b", "c", straggler_cutoff_s=30) as (house, (a, b, _)):
        await house.work(a)
        await beat(house, "a", "b", "c", for_s=60)
        assert described(house).current_round == 0

        await house.work(b)

        assert described(house).current_round == 1


# ---------------------------------------------------------------- and in the end


async def test_what_comes_too_late_changes_nothing_and_is_no_error() -> None:
    async with federation("a", "b", "c") as (house, (a, b, c)):
        stale = house.director.tasks(caller("c"), c)
        assert isinstance(stale, Work)
        await house.work(a)
        await house.work(b)
        await beat(house, "a", "b", for_s=DEAD_S + PERIOD_S)
        before = await house.director.trained_model(caller(), MRI, ModelKind.LAST)

        await house.director.report_results(
            caller("c"), c, _worthless(c, stale.round, stale.tasks[0].name)
        )

        after = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
        assert after["weights"].tolist() == before["weights"].tolist()
        assert described(house).current_round == 1


async def test_a_round_that_cannot_be_computed_fails_its_experiment() -> None:
    async def broken(work: object, /) -> Any:
        if getattr(getattr(work, "func", work), "__name__", "") == "outcome":
            raise MemoryError
        return work()  # type: ignore[operator]

    async with housed() as house:
        house.director._parts.collaborations._closings._offload = broken
        await house.register("a", "b")
        await house.submit(MRI, "a", "b")
        a, b = await house.join(MRI, A), await house.join(MRI, B)

        await house.work(a)
        await house.work(b)
        await asyncio.sleep(1)

        assert house.status() is Status.FAILED
        assert described(house).reason == ("the Director failed to close a round; its log says why")


async def test_no_alarm_outlives_a_director() -> None:
    async with federation("a", "b") as (house, _):
        run = next(iter(house.director._parts.runs._runs.values()))
        assert run.alarm is not None

    assert run.alarm is None


def _worthless(address: RunAddress, round_number: int, task: str) -> TaskResult:
    weights = np.array([100.0, 100.0], np.float32)
    return TaskResult(
        collaborator=address.sender,
        round=round_number,
        task=task,
        data_size=1_000,
        tensors=(encode("weights", weights, round_number=0, tags=["trained"]),),
    )
