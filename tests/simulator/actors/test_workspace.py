"""The archive that simulated frontends upload, and the traps in it."""

import io
import pickle
import zipfile
from collections import Counter
from random import Random

import pytest

from director.workspace import ArchiveLimits, read_workspace
from simulator.actors import canary
from simulator.actors.plan import PLAN_PATH
from simulator.actors.workspace import TOLD_TASKS, Recipe, archive, members, zipped

RECIPE = Recipe(rounds=3, host="127.0.0.1", size_bytes=64 * 2**10)


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary of one's own, so that no other test hears it."""
    monkeypatch.setattr(canary, "_SONGS", Counter())


def test_the_same_chance_gives_the_same_bytes() -> None:
    assert archive(RECIPE, Random(1)) == archive(RECIPE, Random(1))
    assert archive(RECIPE, Random(1)) != archive(RECIPE, Random(2))


def test_an_archive_is_as_large_as_was_asked_for() -> None:
    size_bytes = len(archive(RECIPE, Random(1)))

    assert 64 * 2**10 <= size_bytes < 64 * 2**10 + 512


def test_an_archive_is_never_smaller_than_what_it_must_hold() -> None:
    small = Recipe(rounds=3, host="127.0.0.1", size_bytes=1)

    assert archive(small, Random(1)) == zipped(members(small))


def test_our_director_reads_it_and_finds_the_tasks_that_the_history_tells() -> None:
    songs = canary.songs()

    workspace = read_workspace(io.BytesIO(archive(RECIPE, Random(1))), ArchiveLimits())

    assert workspace.plan.rounds == 3
    assert workspace.agg_addr == "127.0.0.1"
    assert [
        {
            "name": task.name,
            "function": task.function_name,
            "type": task.task_type,
            "apply_local": task.apply_local,
        }
        for task in workspace.plan.tasks
    ] == list(TOLD_TASKS)
    assert canary.songs() == songs


def test_the_plan_comes_first_as_openfl_has_it() -> None:
    with zipfile.ZipFile(io.BytesIO(archive(RECIPE, Random(1)))) as opened:
        assert opened.namelist()[0] == PLAN_PATH


@pytest.mark.usefixtures("silence")
@pytest.mark.parametrize("path", [path for path in members(RECIPE) if path.endswith(".pkl")])
def test_whoever_unpickles_a_pickle_makes_the_canary_sing(path: str) -> None:
    pickle.loads(members(RECIPE)[path])  # noqa: S301 - that is the point

    assert canary.songs() == 1


@pytest.mark.usefixtures("silence")
def test_whoever_runs_the_code_makes_the_canary_sing() -> None:
    exec(members(RECIPE)["experiment.py"])  # noqa: S102 - that is the point

    assert canary.songs() == 1


@pytest.mark.usefixtures("silence")
def test_whoever_calls_a_template_with_its_settings_makes_the_canary_sing() -> None:
    canary.sing(batch_size=32)

    assert canary.songs() == 1
