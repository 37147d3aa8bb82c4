"""Workspaces that OpenFL 1.6's own frontend has made."""

import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from director.core.model import Plan, Task
from director.errors import LimitExceededError, UnsupportedPlanError
from director.workspace import (
    Workspace,
    federation_id,
    read_code,
    read_workspace,
    rewrite_workspace,
)
from tests.director.workspace.archives import (
    FIXTURES,
    LIMITS,
    PLAN,
    fixture,
    packed,
    reading,
    with_plan,
)

TASKS = (
    Task(name="train", function_name="fit", task_type="train"),
    Task(
        name="locally_tuned_model_validate",
        function_name="check",
        task_type="validate",
        apply_local=True,
    ),
    Task(name="aggregated_model_validate", function_name="check", task_type="validate"),
)


def test_tasks_and_rounds_are_found() -> None:
    workspace = reading(fixture("openfl_workspace"))

    assert workspace.plan == Plan(rounds=3, tasks=TASKS)
    assert (workspace.agg_addr, workspace.agg_port) == ("director.example.org", None)
    assert workspace.plan_text.startswith("aggregator:\n  settings:\n")


def test_an_experiment_that_trains_nothing_validates_once() -> None:
    workspace = reading(fixture("openfl_validation_only"))

    assert workspace.plan == Plan(rounds=1, tasks=TASKS[2:])


def test_the_aggregation_of_a_function_is_found() -> None:
    assert reading(fixture("openfl_median")).plan.aggregations == {"fit": "median"}


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("openfl_adam", "AdamAdaptiveAggregation"),
        ("openfl_own_function", "'Loudest'"),
        ("openfl_own_assigner", "'nobody'"),
    ],
)
def test_what_we_do_not_have_is_refused_by_name(name: str, named: str) -> None:
    with pytest.raises(UnsupportedPlanError, match=named):
        reading(fixture(name))


# ---------------------------------------------------------------- functions that it brings


@pytest.mark.parametrize(
    ("name", "imports"),
    [
        ("openfl_adam", ("collections", "openfl", "numpy")),
        ("openfl_own_function", ("collections", "openfl", "cloudpickle")),
    ],
)
def test_a_function_of_its_own_may_be_asked_for_where_that_is_allowed(
    name: str, imports: tuple[str, ...]
) -> None:
    workspace = allowing(fixture(name))

    assert workspace.plan.aggregations == {"fit": "pickled"}
    assert workspace.imports == imports


def test_what_we_have_is_not_loaded_although_that_is_allowed() -> None:
    workspace = allowing(fixture("openfl_median"))

    assert workspace.plan.aggregations == {"fit": "median"}
    assert workspace.imports == ()


def test_an_assigner_of_its_own_is_refused_all_the_same() -> None:
    with pytest.raises(UnsupportedPlanError, match="'nobody'"):
        allowing(fixture("openfl_own_assigner"))


def test_a_class_that_a_plan_only_names_is_refused_all_the_same() -> None:
    plan = PLAN.replace("kwargs: {}", "kwargs: {}, aggregation_type: {template: mine.Loudest}")

    with pytest.raises(UnsupportedPlanError, match="Loudest"):
        allowing(with_plan(plan))


def test_modules_that_a_workspace_brings_need_not_be_installed() -> None:
    archive = changed("openfl_own_function", {"openfl/thing.py": "", "cloudpickle.py": ""})

    assert allowing(archive).imports == ("collections",)


def test_functions_that_were_pickled_in_another_way_are_refused_by_name() -> None:
    plan = allowing(fixture("openfl_own_function")).plan_text
    plan = plan.replace("cloudpickle_serializer.CloudpickleSerializer", "dill_serializer.Dill")

    with pytest.raises(UnsupportedPlanError, match=r"dill_serializer\.Dill"):
        allowing(changed("openfl_own_function", {"plan/plan.yaml": plan}))


def test_the_pickle_and_the_modules_beside_it_can_be_read() -> None:
    archive = changed("openfl_own_function", {"mine/sums.py": "total = sum", "data.csv": "1"})

    code = read_code(io.BytesIO(archive), LIMITS)

    with zipfile.ZipFile(io.BytesIO(archive)) as original:
        assert code.table == original.read("aggregation_function_obj.pkl")
        assert code.modules == {
            path: original.read(path) for path in ("np_adapter.py", "mine/sums.py")
        }


def test_too_many_modules_are_not_read() -> None:
    archive = changed("openfl_own_function", {"long.py": "#" * 100})

    with pytest.raises(LimitExceededError, match="modules"):
        read_code(io.BytesIO(archive), replace(LIMITS, max_code_bytes=99))


def allowing(archive: bytes) -> Workspace:
    return read_workspace(io.BytesIO(archive), LIMITS, takes_pickled=True)


def changed(name: str, members: dict[str, str]) -> bytes:
    """A workspace of OpenFL's with other or further members."""
    with zipfile.ZipFile(io.BytesIO(fixture(name))) as original:
        kept = {path: original.read(path) for path in original.namelist() if path[-1] != "/"}
    return packed({**kept, **members})


# ---------------------------------------------------------------- what collaborators are given


def test_a_rewritten_workspace_is_what_openfl_would_be_given(tmp_path: Path) -> None:
    target = tmp_path / "rewritten.zip"

    with (FIXTURES / "openfl_workspace.zip").open("rb") as source, target.open("w+b") as written:
        federation = rewrite_workspace(
            source,
            written,
            agg_addr="director.example.org",
            agg_port=50051,
            hash_salt="experiment-1",
        )
        read_workspace(written, LIMITS)

    # This id was printed by OpenFL 1.6's `Plan.parse` for the plan in the rewritten archive.
    assert federation == "plan.yaml_140c4d5a"
    shutil.unpack_archive(target, tmp_path / "unpacked", "zip")
    plan = (tmp_path / "unpacked" / "plan" / "plan.yaml").read_text()
    assert federation_id(plan) == federation
    with zipfile.ZipFile(io.BytesIO(fixture("openfl_workspace"))) as original:
        for name in original.namelist():
            if not name.endswith(("/", "plan.yaml")):
                assert (tmp_path / "unpacked" / name).read_bytes() == original.read(name)
