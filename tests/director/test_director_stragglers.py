"""What becomes of a run whose collaborators die, come back, or come too late; in virtual time."""

import asyncio
from typing import Any

import numpy as np

from director.core.lifecycle import Status
from director.core.model import ModelKind, TaskResult, Work
from director.core.tensors import encode
from director.interface import RunAddress
from tests.director.house import MRI, A, B, LoopClock, caller, housed
from tests.director.straggling import DEAD_S, PERIOD_S, beat, described, federation, statuses

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
