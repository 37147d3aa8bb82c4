"""`director start`, as an operator meets it."""

import asyncio
import os
import re
import signal
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from director import cli
from director.config import load_config
from director.storage.state import open_state
from protos import director_pb2
from tests.director.command_line import run, running, written
from tests.director.transport.served import director_stub, served

SHARD = director_pb2.ShardInfo(
    node_info=director_pb2.NodeInfo(name="env-1"), sample_shape=["1"], target_shape=["1"]
)
NOWHERE = "listen_host: 203.0.113.1"
"""An address that no machine has: a start gets as far as that."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The state directory is made in the working directory.
    monkeypatch.chdir(tmp_path)


# ---------------------------------------------------------------- start, refused


def test_a_wrong_call_exits_with_2(tmp_path: Path) -> None:
    code, output = run("start", "-c", str(tmp_path / "none.yaml"))

    assert code == 2
    assert "none.yaml' does not exist" in output


def test_missing_certificates_are_named_with_what_to_do(tmp_path: Path) -> None:
    code, output = run("start", "-c", str(written(tmp_path, "")))

    assert code == 1
    for name in ("root_ca.crt", "host.key", "host.crt"):
        assert f"{tmp_path}/cert/{name} does not exist" in output
    assert "-rc, -pk and -oc" in output
    assert "--disable-tls" in output
    assert [path.name for path in tmp_path.iterdir()] == ["director.yaml"]


def test_an_option_goes_before_the_configuration(tmp_path: Path) -> None:
    path = written(tmp_path, "root_certificate: mine/ca.crt\nprivate_key: mine/host.key")
    option = tmp_path / "other.crt"

    files = cli._certificates(
        load_config(path),
        tmp_path,
        {"root_certificate": option, "private_key": None, "certificate": None},
    )

    assert files == {
        "root_certificate": option,
        "private_key": tmp_path / "mine/host.key",
        "certificate": tmp_path / "cert/host.crt",
    }


@pytest.mark.wire
async def test_a_port_that_is_taken_is_told_and_exits_with_1(tmp_path: Path) -> None:
    async with served() as it:
        text = f"settings: {{listen_host: localhost, listen_port: {it.server.port}}}"
        path = written(tmp_path, text)

        code, output = await asyncio.to_thread(run, "start", "-c", str(path), "--disable-tls")

        assert code == 1
        assert f"cannot listen on localhost:{it.server.port}" in output


# ---------------------------------------------------------------- the state directory


def test_a_state_directory_that_is_in_use_is_told_with_its_holder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    path = written(tmp_path, "settings: {listen_port: 0}")
    state = open_state(folder)
    try:
        code, output = run("start", "-c", str(path), "--disable-tls", "--state-dir", str(folder))
    finally:
        state.release()

    assert code == 1
    assert f"{folder} is used by another Director (process {os.getpid()})" in output


def test_a_journal_that_is_none_is_told_and_left_alone(tmp_path: Path) -> None:
    journal = tmp_path / "state" / "journal.sqlite3"
    journal.parent.mkdir()
    journal.write_bytes(b"a diary, perhaps" * 100)

    code, output = run("start", "-c", str(written(tmp_path, "")), "--disable-tls")

    assert code == 1
    assert str(journal.relative_to(tmp_path)) in output
    assert journal.read_bytes() == b"a diary, perhaps" * 100


def test_an_option_goes_before_the_configured_state_directory(tmp_path: Path) -> None:
    path = written(tmp_path, f"settings: {{state_dir: configured, {NOWHERE}}}")

    run("start", "-c", str(path), "--disable-tls")
    assert (tmp_path / "configured" / "lock").exists()
    run("start", "-c", str(path), "--disable-tls", "--state-dir", "given")

    assert (tmp_path / "given" / "lock").exists()


def test_whoever_wants_nothing_kept_is_reminded_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, f"settings: {{{NOWHERE}}}")

    run("start", "-c", str(path), "--disable-tls", "--state-dir", ":memory:")

    assert "forgets everything with its process" in caplog.text
    assert not (tmp_path / ":memory:").exists()


# ---------------------------------------------------------------- reviews


def test_a_review_without_a_terminal_is_refused_at_the_start(tmp_path: Path) -> None:
    path = written(tmp_path, "settings: {review_experiment: true}")

    code, output = run("start", "-c", str(path), "--disable-tls")

    assert code == 1
    assert "review_experiment asks at the terminal, and there is none" in output


@pytest.mark.parametrize(("answer", "approved"), [("y", True), ("n", False), ("", False)])
def test_a_review_shows_the_plan_and_asks(tmp_path: Path, answer: str, *, approved: bool) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("rounds: 3\n\x1b[2Ahidden: true\n", encoding="utf-8")

    with CliRunner().isolation(input=f"{answer}\n") as (output, *_):
        assert cli._review("brain-mri", plan) is approved

    shown = output.getvalue().decode()
    assert "rounds: 3\n\\x1b[2Ahidden: true\n" in shown
    assert "Run experiment 'brain-mri'? [y/N]" in shown


# ---------------------------------------------------------------- start, for real


@pytest.mark.wire
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_long_polls_be_answered_and_exits_with_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with (
        running(tmp_path) as director,
        grpc.aio.insecure_channel(f"localhost:{director.port}") as channel,
    ):
        stub = director_stub(channel)
        await stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=SHARD))
        wait = asyncio.ensure_future(
            stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name="env-1"))
        )
        # Answered after the long poll has arrived, which was sent before on the same connection.
        await stub.GetEnvoys(director_pb2.GetEnvoysRequest())

        director.process.send_signal(number)

        assert (await wait).experiment_name == ""
        assert await director.process.wait() == 0


@pytest.mark.wire
@pytest.mark.slow
async def test_a_second_signal_does_not_wait_for_what_is_under_way(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as director,
        grpc.aio.insecure_channel(f"localhost:{director.port}") as channel,
    ):
        upload = director_stub(channel).SetNewExperiment()
        await upload.write(director_pb2.ExperimentInfo(name="brain-mri"))
        director.process.terminate()
        assert director.process.stderr is not None
        while b"stopping" not in await director.process.stderr.readline():
            pass

        director.process.terminate()

        assert await director.process.wait() == -signal.SIGTERM
        upload.cancel()


@pytest.mark.wire
@pytest.mark.slow
async def test_the_greeting_tells_what_an_operator_wants_to_know(tmp_path: Path) -> None:
    async with running(tmp_path) as director:
        assert "in plaintext" in director.greeting
        assert "sample shape ['1'], target shape ['1']; heartbeats every 60 s" in director.greeting
        assert "install_requirements is ignored" in director.greeting
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARNING ", director.greeting)
