"""OpenFL's two clients against our Director: each of the 14 RPCs, as it should be and in error."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator.actors.workspace import Recipe, archive
from tests.interop.federation import Client, Federation, federation

pytestmark = pytest.mark.interop

PERIOD_S = 60
SHAPES = {"sample_shape": ["1"], "target_shape": ["1"]}
MODEL = {"weights": [0.5, -0.5], "bias": [1.0]}


@pytest.fixture(scope="module", params=["plaintext", "mtls"])
def there(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> Iterator[Federation]:
    """A Director with nobody about."""
    folder = tmp_path_factory.mktemp(f"clients-{request.param}")
    shown = certificates if request.param == "mtls" else None
    settings = {"envoy_health_check_period": PERIOD_S, "long_poll_s": 2}
    with federation(folder, certificates=shown, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def workspace(there: Federation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive that can be run."""
    path = tmp_path_factory.mktemp("workspace") / "workspace.zip"
    recipe = Recipe(rounds=2, host="localhost", size_bytes=5 * 2**20, tls=there.is_secure)
    path.write_bytes(archive(recipe, Random(1)))
    return path


_numbers = count(1)


@pytest.fixture
def name() -> str:
    """A name that no experiment had before."""
    return f"experiment-{next(_numbers)}"


def registered(shard: Client) -> Client:
    assert shard.call("report_shard_info", description="ten", cuda_devices=[], **SHAPES).value
    return shard


def submission(name: str, workspace: Path, *collaborators: str) -> dict[str, Any]:
    return {
        "name": name,
        "col_names": list(collaborators),
        "arch_path": str(workspace),
        "model": MODEL,
    }


def given_running(there: Federation, name: str, workspace: Path) -> Client:
    """Alice's experiment, with hand-1 and hand-2."""
    for hand in ("hand-1", "hand-2"):
        registered(there.shard(hand))
    alice = there.user("alice")
    told = alice.call("set_new_experiment", **submission(name, workspace, "hand-1", "hand-2"))
    assert told.value == {"accepted": True}
    return alice


# ---------------------------------------------------------------- envoys


def test_a_shard_that_fits_is_listed_at_once(there: Federation) -> None:
    shard = there.shard("env-1")

    told = shard.call("report_shard_info", description="dots", cuda_devices=[0, 1], **SHAPES)
    listed = there.user("alice").call("get_envoys").value["env-1"]

    assert told.value is True
    assert listed["is_online"] is True
    assert listed["shard_info"]["shard_description"] == "dots"
    assert [device["index"] for device in listed["shard_info"]["node_info"]["cuda_devices"]] == [
        "0",
        "1",
    ]
    assert listed["valid_duration"] == f"{2 * PERIOD_S}s"


def test_a_shard_of_other_shapes_is_not_accepted(there: Federation) -> None:
    shapes = {"sample_shape": ["2"], "target_shape": ["1"]}

    told = there.shard("mallory").call(
        "report_shard_info", description="", cuda_devices=[], **shapes
    )

    assert told.value is False
    assert "mallory" not in there.user("alice").call("get_envoys").value


def test_a_heartbeat_is_answered_with_the_period(there: Federation) -> None:
    shard = registered(there.shard("env-2"))
    device = {"index": 3, "memory_total": 2**40, "name": "GPU"}

    told = shard.call(
        "send_health_check", is_experiment_running=True, cuda_devices_info=[device, device]
    )
    listed = there.user("alice").call("get_envoys").value["env-2"]

    assert told.value == PERIOD_S
    assert listed["is_experiment_running"] is True
    assert listed["shard_info"]["node_info"]["cuda_devices"][1]["memory_total"] == str(2**40)


def test_a_heartbeat_of_nobody_asks_for_a_registration(there: Federation) -> None:
    told = there.shard("env-4").call("send_health_check", is_experiment_running=False)

    assert told.raised == "ShardNotFoundError"


def test_nobody_may_wait_who_is_not_registered(there: Federation) -> None:
    assert there.shard("env-4").call("wait_experiment").code == "NOT_FOUND"


def test_a_long_poll_without_work_asks_to_come_again(there: Federation) -> None:
    told = registered(there.shard("env-3")).call("wait_experiment")

    assert told.raised == "Exception"


def test_an_experiment_is_handed_out_and_downloaded(
    there: Federation, name: str, workspace: Path
) -> None:
    shard = registered(there.shard("hand-1"))
    waiting = shard.begin("wait_experiment")
    given_running(there, name, workspace)

    handed = waiting.answer()
    download = shard.call("get_experiment_data", experiment_name=name)

    assert handed.value == name
    assert download.value["mismatched"] == 0
    assert download.value["chunks"] == 3
    assert download.value["size"] == pytest.approx(workspace.stat().st_size, abs=1_000)


def test_nothing_is_downloaded_of_what_is_not_there(there: Federation, name: str) -> None:
    told = registered(there.shard("env-1")).call("get_experiment_data", experiment_name=name)

    assert told.code == "NOT_FOUND"


def test_nothing_is_downloaded_by_who_has_no_part_in_it(
    there: Federation, name: str, workspace: Path
) -> None:
    given_running(there, name, workspace)

    told = registered(there.shard("env-1")).call("get_experiment_data", experiment_name=name)

    assert told.code == "NOT_FOUND"


def test_a_participant_may_report_a_failure(there: Federation, name: str, workspace: Path) -> None:
    alice = given_running(there, name, workspace)

    told = there.shard("hand-2").call(
        "set_experiment_failed", experiment_name=name, error_description="no memory"
    )
    described = alice.call("get_experiment_description", name=name).value

    assert told.value is None
    assert alice.call("get_experiment_status", experiment_name=name).value == {
        "experiment_status": "failed"
    }
    assert described["status"] == "failed"


def test_a_stranger_reports_a_failure_in_vain(
    there: Federation, name: str, workspace: Path
) -> None:
    alice = given_running(there, name, workspace)

    told = registered(there.shard("env-1")).call("set_experiment_failed", experiment_name=name)

    assert told.value is None
    assert alice.call("get_experiment_status", experiment_name=name).value == {
        "experiment_status": "in_progress"
    }


# ---------------------------------------------------------------- users


def test_the_federation_tells_its_shapes(there: Federation) -> None:
    assert there.user("alice").call("get_dataset_info").value == [["1"], ["1"]]


def test_a_name_is_taken_once(there: Federation, name: str, workspace: Path) -> None:
    given_running(there, name, workspace)

    told = there.user("bob").call("set_new_experiment", **submission(name, workspace, "hand-1"))

    assert told.code == "ALREADY_EXISTS"


@pytest.mark.parametrize("bad", ["", "../up", "/etc/passwd", "line\nbreak", "x" * 1_000])
def test_a_bad_name_is_refused(there: Federation, workspace: Path, bad: str) -> None:
    told = there.user("alice").call("set_new_experiment", **submission(bad, workspace, "hand-1"))

    assert told.code == "INVALID_ARGUMENT"
    assert "name" in told.details


@pytest.mark.parametrize("collaborators", [(), ("hand-1", "hand-1")])
def test_collaborators_are_named_and_once(
    there: Federation, name: str, workspace: Path, collaborators: tuple[str, ...]
) -> None:
    told = there.user("alice").call(
        "set_new_experiment", **submission(name, workspace, *collaborators)
    )

    assert told.code == "INVALID_ARGUMENT"


def test_half_an_archive_is_refused(there: Federation, name: str, workspace: Path) -> None:
    half = workspace.with_name("half.zip")
    content = workspace.read_bytes()
    half.write_bytes(content[: len(content) // 2])

    told = there.user("alice").call("set_new_experiment", **submission(name, half, "hand-1"))

    assert told.code == "INVALID_ARGUMENT"
    assert there.user("alice").call("get_experiment_status", experiment_name=name).code == (
        "NOT_FOUND"
    )


def test_an_empty_upload_is_refused(there: Federation, name: str, workspace: Path) -> None:
    empty = workspace.with_name("empty.zip")
    empty.write_bytes(b"")

    told = there.user("alice").call("set_new_experiment", **submission(name, empty, "hand-1"))

    assert told.code == "INVALID_ARGUMENT"


def test_what_a_user_has_pickled_is_not_loaded_unless_the_operator_says_so(
    there: Federation,
) -> None:
    registered(there.shard("env-1"))

    told = there.frontend("alice").run("pickled", aggregation="own")

    assert told.code == "INVALID_ARGUMENT"
    assert "'Coasting' is not one of WeightedAverage, Median" in told.details


def test_an_owner_sees_a_running_experiment(there: Federation, name: str, workspace: Path) -> None:
    alice = given_running(there, name, workspace)

    described = alice.call("get_experiment_description", name=name).value
    listed = {item["name"]: item for item in alice.call("get_experiments_list").value}

    assert (described["status"], described["total_rounds"]) == ("in_progress", 2)
    assert [one["name"] for one in described["collaborators"]] == ["hand-1", "hand-2"]
    assert [one["status"] for one in described["collaborators"]] == ["pending", "pending"]
    assert [task["name"] for task in described["tasks"]] == [
        "aggregated_model_validation",
        "train",
        "locally_tuned_model_validation",
    ]
    assert listed[name] == {
        "name": name,
        "status": "in_progress",
        "collaborators_amount": 2,
        "tasks_amount": 3,
        "progress": 0.0,
    }


@pytest.mark.parametrize("call", ["get_best_model", "get_last_model"])
def test_there_is_no_model_before_the_first_round(
    there: Federation, name: str, workspace: Path, call: str
) -> None:
    alice = given_running(there, name, workspace)

    assert alice.call(call, experiment_name=name).value == {}


def test_metrics_end_with_the_experiment(there: Federation, name: str, workspace: Path) -> None:
    alice = given_running(there, name, workspace)
    followed = alice.begin("stream_metrics", experiment_name=name)

    there.shard("hand-1").call("set_experiment_failed", experiment_name=name)

    assert followed.answer().value == []


@pytest.mark.parametrize(
    ("call", "key"),
    [
        ("get_experiment_status", "experiment_name"),
        ("get_experiment_description", "name"),
        ("get_best_model", "experiment_name"),
        ("get_last_model", "experiment_name"),
        ("stream_metrics", "experiment_name"),
    ],
)
def test_what_is_not_ones_own_is_not_there(
    there: Federation, name: str, workspace: Path, call: str, key: str
) -> None:
    given_running(there, name, workspace)
    eve = there.user("eve")

    foreign = eve.call(call, **{key: name})
    absent = eve.call(call, **{key: f"{name}-absent"})

    assert foreign.code == absent.code == "NOT_FOUND"
    assert foreign.details == absent.details.replace(f"{name}-absent", name)


def test_an_owner_removes_an_experiment_and_a_stranger_does_not(
    there: Federation, name: str, workspace: Path
) -> None:
    alice = given_running(there, name, workspace)

    by_eve = there.user("eve").call("remove_experiment_data", name=name)
    by_alice = alice.call("remove_experiment_data", name=name)
    again = alice.call("remove_experiment_data", name=name)

    assert (by_eve.value, by_alice.value, again.value) == (False, True, False)
    assert alice.call("get_experiment_status", experiment_name=name).code == "NOT_FOUND"


def test_a_removed_name_is_free_again(there: Federation, name: str, workspace: Path) -> None:
    given_running(there, name, workspace).call("remove_experiment_data", name=name)

    told = there.user("bob").call("set_new_experiment", **submission(name, workspace, "hand-1"))

    assert told.value == {"accepted": True}


# ---------------------------------------------------------------- under TLS alone


@pytest.mark.parametrize("there", ["mtls"], indirect=True)
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("report_shard_info", {"description": "", "cuda_devices": [], **SHAPES}),
        ("wait_experiment", {}),
        ("get_experiment_data", {"experiment_name": "any"}),
    ],
)
def test_a_certificate_speaks_for_its_own_envoy_alone(
    there: Federation, call: str, arguments: dict[str, Any]
) -> None:
    told = there.shard("hand-1", shows="eve").call(call, **arguments)

    assert told.code == "PERMISSION_DENIED"


@pytest.mark.parametrize("there", ["mtls"], indirect=True)
def test_nobody_fails_an_experiment_in_another_name(
    there: Federation, name: str, workspace: Path
) -> None:
    alice = given_running(there, name, workspace)

    told = there.shard("hand-1", shows="eve").call("set_experiment_failed", experiment_name=name)

    assert told.value is None
    assert alice.call("get_experiment_status", experiment_name=name).value == {
        "experiment_status": "in_progress"
    }
