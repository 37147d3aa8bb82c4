"""How plans are reviewed, and how a Director does what takes long."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from director.core.lifecycle import Status
from director.director import Director
from director.offload import in_thread_of_its_own
from tests.director.house import CT, MRI, caller, housed, parts


class Reviewer:
    """Notes what it was shown, and answers as it was told to."""

    def __init__(self, answer: Callable[[], bool]) -> None:
        self.answer = answer
        self.shown: list[tuple[str, str]] = []
        self.paths: list[Path] = []

    def __call__(self, experiment: str, plan: Path) -> bool:
        self.shown.append((experiment, plan.read_text()))
        self.paths.append(plan)
        return self.answer()


def crash() -> bool:
    raise KeyError("who knows")


def leave() -> bool:
    raise SystemExit(1)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (lambda: True, Status.IN_PROGRESS, ""),
        (lambda: False, Status.REJECTED, "the reviewer did not approve the plan"),
        (crash, Status.REJECTED, "the review of the plan failed"),
        (leave, Status.REJECTED, "the review of the plan failed"),
    ],
)
async def test_a_reviewer_decides(answer: Callable[[], bool], status: Status, reason: str) -> None:
    reviewer = Reviewer(answer)
    async with housed(review_plan_callback=reviewer) as house:
        await house.submit()
        assert house.status() is Status.PENDING

        await asyncio.sleep(1)

        view = house.director.describe(caller(), MRI)
        assert (view.status, view.reason) == (status, reason)
        [(name, plan)] = reviewer.shown
        assert name == MRI
        assert "rounds_to_train" in plan
        assert not reviewer.paths[0].exists()
        is_kept = status is Status.IN_PROGRESS
        assert (await house.settled())["archives"] == (2 if is_kept else 0)
        assert (await house.metrics() if not is_kept else []) == []


async def test_reviews_are_held_one_by_one_and_hold_nothing_else_up() -> None:
    decision = asyncio.Event()
    under_review: list[str] = []

    async def review(experiment: str, plan: Path) -> bool:
        del plan
        under_review.append(experiment)
        await decision.wait()
        return True

    async with housed(review_plan_callback=review) as house:
        await house.submit(MRI)
        await house.submit(CT)
        await house.register("a")
        await asyncio.sleep(1)
        assert under_review == [MRI]

        decision.set()
        await asyncio.sleep(1)

        assert under_review == [MRI, CT]
        assert house.status(CT) is Status.IN_PROGRESS


async def test_what_is_removed_during_its_review_is_gone() -> None:
    decision = asyncio.Event()

    async def review(*_: object) -> bool:
        return await decision.wait()

    async with housed(review_plan_callback=review) as house:
        await house.submit()
        await asyncio.sleep(1)
        await house.director.remove(caller(), MRI)
        decision.set()

        held = await house.settled()

        assert house.director.experiments(caller()) == []
        assert (held["tasks"], held["archives"]) == (0, 0)


async def test_a_review_without_an_answer_does_not_hold_up_the_end() -> None:
    reviewed: list[Path] = []

    async def review(_: str, plan: Path) -> bool:
        reviewed.append(plan)
        return await asyncio.Event().wait()

    async with housed(review_plan_callback=review) as house:
        await house.submit()
        await asyncio.sleep(1)
        assert reviewed[0].exists()

    assert not reviewed[0].exists()
    assert house.director.held()["tasks"] == 0


@pytest.mark.wire
async def test_work_in_a_thread_of_its_own_gives_its_answer_or_its_error() -> None:
    assert await in_thread_of_its_own(lambda: "answer") == "answer"
    with pytest.raises(KeyError):
        await in_thread_of_its_own(crash)


@pytest.mark.wire
async def test_nobody_has_to_wait_for_work_in_a_thread_of_its_own() -> None:
    done = threading.Event()
    waiting = asyncio.ensure_future(in_thread_of_its_own(done.wait))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)

    done.set()
    await asyncio.sleep(0.05)

    assert waiting.cancelled()


@pytest.mark.wire
async def test_a_director_with_threads_of_its_own_reviews_and_runs() -> None:
    director = Director(review_plan_callback=lambda *_: True)
    director.announce("director", 50051)
    await director.start()

    await director.submit(caller(), parts())
    while director.status(caller(), MRI) is Status.PENDING:  # noqa: ASYNC110 - a thread decides
        await asyncio.sleep(0.01)

    assert director.status(caller(), MRI) is Status.IN_PROGRESS
    await director.close()
