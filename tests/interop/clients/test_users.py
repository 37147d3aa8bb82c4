"""OpenFL's client of users against our Director: each RPC, as it should be and in error."""

from pathlib import Path

import pytest

from tests.interop.clients.hands import given_running, registered, submission
from tests.interop.federation import Federation

pytestmark = pytest.mark.interop


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
