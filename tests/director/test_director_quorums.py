"""What becomes of a run with too few collaborators, or with slow ones; in virtual time."""

import asyncio

from director.core.lifecycle import Status
from director.core.model import Quit, Work
from tests.director.house import caller
from tests.director.straggling import DEAD_S, beat, described, federation, statuses
from tests.director.workspace.archives import PLAN

POLICY = "openfl.component.straggler_handling_functions"


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
