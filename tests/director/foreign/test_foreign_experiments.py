"""Experiments that bring aggregation functions of their own, from submission to last model."""

import asyncio
import logging
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from director.core.lifecycle import Status
from director.core.model import ModelKind
from director.core.queries import ExperimentView
from director.errors import UnsupportedPlanError
from director.interface import RunAddress
from director.settings import PickledCode, Settings
from director.storage import MemoryArchives, MemoryJournal
from tests.director.foreign.functions import workspace
from tests.director.house import MRI, WEIGHTS, A, B, House, caller, housed, told
from tests.director.workspace.archives import fixture

pytestmark = pytest.mark.wire

DARING = Settings(load_pickled_code=True, pickled_code=PickledCode(python=sys.executable))
HIGHEST = "return np.max([each.tensor for each in local_tensors], axis=0)"
COUNT = "self.rounds += 1; return local_tensors[0].tensor * 0 + self.rounds"
FROM_NONE = "self.rounds = 0"
ROUNDS = 3


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@asynccontextmanager
async def running(archive: bytes, **keywords: Any) -> AsyncIterator[tuple[House, list[RunAddress]]]:
    """An experiment of alice's with two collaborators."""
    async with housed(**{"settings": DARING, **keywords}) as house:
        await house.register("a", "b")
        await house.submit(MRI, "a", "b", archive=archive)
        yield house, [await house.join(MRI, A), await house.join(MRI, B)]


async def play(house: House, addresses: list[RunAddress], rounds: int = ROUNDS) -> None:
    for _ in range(rounds):
        for number, address in enumerate(addresses):
            await house.work(address, add=number + 1.0)


async def last(house: House) -> list[float]:
    model = await house.director.trained_model(caller(), MRI, ModelKind.LAST)
    return [float(weight) for weight in model["weights"]]


def described(house: House) -> ExperimentView:
    return house.director.describe(caller(), MRI)


async def ended(house: House) -> Status:
    async with asyncio.timeout(60):
        while not house.status().is_terminal:  # noqa: ASYNC110 - as its owner does
            await asyncio.sleep(0.02)
    return house.status()


async def test_the_function_makes_the_models() -> None:
    async with running(workspace(HIGHEST)) as (house, addresses):
        await play(house, addresses)

        assert await ended(house) is Status.FINISHED
        assert await last(house) == (WEIGHTS + 2 * ROUNDS).tolist()


async def test_what_it_brings_is_refused_where_that_is_not_allowed(scratch: Path) -> None:
    sung = scratch / "sung"
    async with housed() as house:
        with pytest.raises(UnsupportedPlanError, match=r"'mine\.Mine'.* is not loaded here"):
            await house.submit(MRI, "a", archive=workspace(f"open({str(sung)!r}, 'w')"))

    assert not sung.exists()


async def test_what_could_not_be_loaded_is_refused_at_once() -> None:
    async with housed(settings=DARING) as house:
        with pytest.raises(UnsupportedPlanError, match=r"does not have: .*openfl"):
            await house.submit(MRI, "a", archive=fixture("openfl_own_function"))


async def test_a_failure_ends_the_experiment_and_its_description_says_why() -> None:
    async with running(workspace("raise KeyError('slope')")) as (house, addresses):
        await play(house, addresses, rounds=1)

        assert await ended(house) is Status.FAILED
        assert described(house).reason == (
            "round 1 could not be aggregated: the aggregation function 'Mine' of 'fit' failed on"
            " the tensor 'weights': KeyError: 'slope'"
        )


async def test_the_director_answers_while_a_function_takes_its_time() -> None:
    async with running(workspace("import time; time.sleep(600)")) as (house, (a, b)):
        before = house.director.held()["tasks"]
        await house.work(a)
        working = asyncio.create_task(house.work(b))
        while house.director.held()["tasks"] == before:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)

        assert await house.director.remove(caller(), MRI)

        async with asyncio.timeout(30):
            await working
        assert (await house.settled())["tasks"] == 0


async def test_every_load_is_in_the_log_with_whose_code_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(workspace(HIGHEST)) as (house, addresses):
        await play(house, addresses)
        await ended(house)

    lines = [told(each) for each in caplog.records if each.levelno == logging.WARNING]
    assert lines[0].startswith("DANGER: load_pickled_code is on: whoever may submit")
    assert lines[1:] == [
        f"loading the aggregation functions of fit, which 'alice' has pickled, for round {number}"
        " [experiment='brain-mri']"
        for number in (1, 2, 3)
    ]


async def test_a_reviewer_sees_the_plan_of_such_an_experiment() -> None:
    seen: list[str] = []

    def review(_: str, plan: Path) -> bool:
        seen.append(plan.read_text(encoding="utf-8"))
        return False

    async with housed(settings=DARING, review_plan_callback=review) as house:
        await house.submit(MRI, "a", archive=workspace(HIGHEST))
        await asyncio.sleep(0.1)

        assert house.status() is Status.REJECTED
    assert "rounds_to_train: 3" in seen[0]


# ---------------------------------------------------------------- after a restart


async def test_what_a_function_has_learned_survives_a_restart(scratch: Path) -> None:
    calls = scratch / "calls"
    count = f"open({str(calls)!r}, 'a').write('.'); {COUNT}"
    kept: dict[str, Any] = {"journal": MemoryJournal(), "archives": MemoryArchives()}
    async with running(workspace(count, start=FROM_NONE), **kept) as (house, addresses):
        await play(house, addresses, rounds=2)

    async with housed(settings=DARING, **kept) as house:
        addresses = [await house.join(MRI, A), await house.join(MRI, B)]
        before = await last(house)
        await play(house, addresses, rounds=1)

        assert await ended(house) is Status.FINISHED
        assert (before, await last(house)) == ([2.0, 2.0], [3.0, 3.0])
    assert calls.read_text() == "." * ROUNDS


async def test_what_is_not_allowed_any_more_is_not_run(scratch: Path) -> None:
    sung = scratch / "sung"
    archive = workspace(f"open({str(sung)!r}, 'w'); return 1")
    kept: dict[str, Any] = {"journal": MemoryJournal(), "archives": MemoryArchives()}
    async with running(archive, **kept):
        pass

    async with housed(**kept) as house:
        assert await ended(house) is Status.FAILED
        assert "does not load them any more" in described(house).reason
    assert not sung.exists()
