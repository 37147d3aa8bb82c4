"""What nobody will say a second time is heard while the disk refuses, and written down later."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from director.core.events import Durable, FailureReported
from director.core.lifecycle import Status
from director.core.model import Failure
from director.errors import UnavailableError
from director.settings import Limits, Settings
from director.storage import DiskFailedError, MemoryJournal, NoRoomError
from tests.director.house import MRI, A, House, caller, housed

PATIENCE_S = 200.0
"""By then whatever was refused has been tried again."""

REFUSALS = pytest.mark.parametrize("refusal", [NoRoomError, DiskFailedError])


class MoodyJournal(MemoryJournal):
    """Refuses to keep anything while it is told to."""

    refusal: Callable[[], UnavailableError] | None = None

    async def append(self, event: Durable, now: float) -> int:
        if self.refusal is not None:
            raise self.refusal()
        return await super().append(event, now)

    def kept(self, kind: type[Durable]) -> list[Any]:
        return [entry.record for entry in self.replay() if isinstance(entry.record, kind)]


@asynccontextmanager
async def running(**keywords: Any) -> AsyncIterator[tuple[House, MoodyJournal]]:
    """A house in which `a` takes part in an experiment that runs, and has its archive."""
    journal = MoodyJournal()
    async with housed(journal=journal, **keywords) as house:
        await house.register("a")
        await house.submit(MRI, "a")
        assert await house.wait() == MRI
        assert await house.download()
        yield house, journal


# ---------------------------------------------------------------- reports of failure


@REFUSALS
async def test_a_failure_is_heard_while_the_disk_refuses_and_kept_once_it_does_not(
    refusal: Callable[[], UnavailableError],
) -> None:
    async with running() as (house, journal):
        journal.refusal = refusal
        await house.fail()
        await asyncio.sleep(PATIENCE_S)
        assert house.status() is Status.IN_PROGRESS

        journal.refusal = None
        await asyncio.sleep(PATIENCE_S)

        assert house.status() is Status.FAILED
        assert len(journal.kept(FailureReported)) == 1
        assert (await house.settled())["tasks"] == 0


async def test_whoever_reported_a_failure_is_not_given_the_experiment_again_meanwhile() -> None:
    async with running() as (house, journal):
        journal.refusal = NoRoomError
        await house.fail()
        await asyncio.sleep(PATIENCE_S)

        assert await house.wait() is None


async def test_a_failure_that_is_reported_again_meanwhile_is_insisted_on_once() -> None:
    async with running() as (house, journal):
        journal.refusal = NoRoomError
        await house.fail()
        before = house.director.held()["tasks"]

        await house.fail()

        assert house.director.held()["tasks"] == before


async def test_a_failure_that_could_not_be_kept_does_not_fail_another_of_that_name() -> None:
    async with running() as (house, journal):
        journal.refusal = NoRoomError
        await house.fail()
        await asyncio.sleep(PATIENCE_S)
        journal.refusal = None
        assert await house.director.remove(caller(), MRI)
        await house.submit(MRI, "a")

        await asyncio.sleep(PATIENCE_S)

        assert house.status() is Status.IN_PROGRESS
        assert (await house.settled())["tasks"] == 0


async def test_a_failure_that_was_never_kept_is_told_again_after_a_restart() -> None:
    async with running() as (house, journal):
        journal.refusal = NoRoomError
        await house.fail()
        await house.director.close()
        assert house.director.held()["tasks"] == 0
    journal.refusal = None

    async with housed(journal=journal, archives=house.archives) as house:
        assert house.status() is Status.IN_PROGRESS
        assert await house.wait() == MRI
        await house.fail()
        assert house.status() is Status.FAILED


async def test_a_failure_is_heard_while_the_director_stops() -> None:
    async with running() as (house, _):
        await house.director.close()

        await house.fail()

        assert (await house.settled())["tasks"] == 0


async def test_of_a_long_description_the_ends_are_kept() -> None:
    limits = Limits(max_text_length=100)
    async with running(settings=Settings(limits=limits)) as (house, journal):
        said = "Traceback" + "…" * 2**20 + "MemoryError: no memory"

        await house.director.report_failure(
            caller("a"), Failure(experiment=MRI, collaborator=A, description=said)
        )

        [kept] = journal.kept(FailureReported)
        assert len(kept.description) == 100
        assert kept.description.startswith("Traceback")
        assert kept.description.endswith("MemoryError: no memory")
        reason = house.director.describe(caller(), MRI).reason
        assert reason == f"a reported a failure (code 0): {kept.description}"


# ---------------------------------------------------------------- a reviewer's word


@REFUSALS
@pytest.mark.parametrize(
    ("is_approved", "status"), [(True, Status.IN_PROGRESS), (False, Status.REJECTED)]
)
async def test_a_reviewer_is_heard_while_the_disk_refuses(
    refusal: Callable[[], UnavailableError],
    is_approved: bool,  # noqa: FBT001 - what the reviewer says
    status: Status,
) -> None:
    is_asked, answer = asyncio.Event(), asyncio.Event()

    async def review(experiment: str, plan: Path) -> bool:
        assert (experiment, plan.name) == (MRI, "plan.yaml")
        is_asked.set()
        await answer.wait()
        return is_approved

    journal = MoodyJournal()
    async with housed(journal=journal, review_plan_callback=review) as house:
        await house.submit()
        await is_asked.wait()
        journal.refusal = refusal
        answer.set()
        await asyncio.sleep(PATIENCE_S)
        assert house.status() is Status.PENDING

        journal.refusal = None
        await asyncio.sleep(PATIENCE_S)

        assert house.status() is status
