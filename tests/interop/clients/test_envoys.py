"""OpenFL's client of envoys against our Director: each RPC, as it should be and in error."""

from pathlib import Path
from typing import Any

import pytest

from tests.interop.clients.hands import PERIOD_S, SHAPES, given_running, registered
from tests.interop.federation import Federation

pytestmark = pytest.mark.interop


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
