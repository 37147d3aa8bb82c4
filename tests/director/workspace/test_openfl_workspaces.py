"""Workspaces that OpenFL 1.6's own frontend has made."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest

from director.core.model import Plan, Task
from director.errors import UnsupportedPlanError
from director.workspace import federation_id, read_workspace, rewrite_workspace
from tests.director.workspace.archives import FIXTURES, LIMITS, fixture, reading

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
