"""What goes wrong with OpenFL's programs, and how everybody else goes on."""

import os
import signal
from pathlib import Path
from random import Random

import pytest

from simulator.actors.workspace import Recipe, archive
from tests.interop.averages import median
from tests.interop.federation import RUN_S, SHARDS, TASKS, Client, Federation, federation
from tests.interop.learning import Training, expected
from tests.interop.outcomes import assert_as_expected

pytestmark = pytest.mark.interop


def test_an_envoy_that_is_killed_comes_back_into_the_running_round(there: Federation) -> None:
    envoy = there.envoy("env-2")
    began = envoy.printed
    pending = there.frontend("alice").submit("killed", task="fit_slowly")

    envoy.saw(TASKS, since=began)
    second = envoy.printed
    envoy.saw(TASKS, since=second)
    envoy.kill()
    there.start_envoys("env-2")

    assert_as_expected(pending.answer(within_s=RUN_S), expected(SHARDS, Training()))


def test_a_failure_ends_an_experiment_and_nothing_else(there: Federation) -> None:
    alice = there.frontend("alice")
    envoys = [there.envoy(name) for name in SHARDS]
    loops = [envoy.count("Waiting for an experiment to run") for envoy in envoys]

    broken = alice.run("broken", task="break_down")
    for envoy, loop in zip(envoys, loops, strict=True):
        envoy.saw_again("Waiting for an experiment to run", times=loop + 1)
    whole = alice.run("mended")

    assert broken.value["status"] == "failed"
    assert broken.value["last"] == {}
    assert_as_expected(whole, expected(SHARDS, Training()))
    assert all(envoy.is_alive for envoy in envoys)


def test_an_upload_cut_half_way_leaves_nothing(there: Federation, tmp_path: Path) -> None:
    pipe = tmp_path / "workspace.zip"
    os.mkfifo(pipe)
    content = archive(
        Recipe(rounds=1, host="localhost", size_bytes=16 * 2**20, tls=there.is_secure), Random(1)
    )
    clients = there.own_clients()
    Client(clients, "user", "bob", "bob").begin(
        "set_new_experiment",
        name="cut",
        col_names=list(SHARDS),
        arch_path=str(pipe),
        model={"weights": [0.0]},
    )

    with pipe.open("wb") as uploading:
        uploading.write(content[: len(content) // 2])
        clients.program.kill()
    bob = there.user("bob")

    assert bob.call("get_experiment_status", experiment_name="cut").code == "NOT_FOUND"
    assert "cut" not in {item["name"] for item in bob.call("get_experiments_list").value}
    assert_as_expected(there.frontend("bob").run("cut"), expected(SHARDS, Training()))


@pytest.mark.parametrize("identity", ["plaintext", "mtls"])
def test_a_run_goes_on_without_who_never_comes_back_while_there_is_a_quorum(
    identity: str, certificates: Path, tmp_path: Path
) -> None:
    shown = certificates if identity == "mtls" else None
    settings = {
        "aggregation": "median",
        "quorum": "majority",
        "offline_grace_s": 1,
        "below_quorum_s": 1,
    }
    with federation(tmp_path, certificates=shown, **settings) as there:
        there.start_envoys(*SHARDS)
        alice = there.frontend("alice")
        third, second = there.envoy("env-3"), there.envoy("env-2")
        pending = alice.submit("bereft", task="fit_slowly")

        third.saw(TASKS)
        third.saw(TASKS, since=third.printed)
        third.kill()
        bereft = pending.answer(within_s=RUN_S)
        began = second.printed
        pending = alice.submit("forsaken", task="fit_slowly")
        second.saw(TASKS, since=began)
        second.kill()
        forsaken = pending.answer(within_s=RUN_S)
        told = there.user("alice").call("get_experiment_description", name="forsaken").value

    assert_as_expected(bereft, expected(SHARDS, Training(combine=median, leaves={"env-3": 1})))
    # Who is dead is not asked to take part; of the two who were, both are needed.
    assert forsaken.value["collaborators"] == ["env-1", "env-2"]
    assert (forsaken.value["status"], told["status"]) == ("failed", "failed")
    reasons = {log["name"]: log["status"] for log in told["download_statuses"]["logs"]}
    assert "quorum" in reasons["reason"]
    assert "env-2" in reasons["reason"]


def test_an_envoy_that_slept_through_rounds_joins_the_running_one(tmp_path: Path) -> None:
    with federation(tmp_path, quorum="majority", offline_grace_s=1) as there:
        there.start_envoys(*SHARDS)
        third = there.envoy("env-3")
        pending = there.frontend("alice").submit("long", task="fit_slowly", rounds=12)
        third.saw(TASKS)
        second = third.printed
        third.saw(TASKS, since=second)
        third.saw("Requesting aggregated tensor", since=second)
        # It has not fetched all of its model yet; when it wakes up, nobody keeps that any more.
        third.signal(signal.SIGSTOP)
        there.director.saw("round 6 of 12 closed")
        woken = third.printed
        third.signal(signal.SIGCONT)
        third.saw(TASKS, since=woken)
        ended = pending.answer(within_s=RUN_S)

    assert ended.value["status"] == "finished"
    assert {number for origin, *_, number in ended.value["metrics"] if origin == "env-3"} >= {11}
