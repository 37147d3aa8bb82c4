"""`simulate` as people start it: against a Director that runs elsewhere, and stopped half-way."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.cli import main
from simulator.pki import Pki
from simulator.scenario.schema import DirectorConfig, DirectorSpec
from tests.simulator.engine.hosts import hosted

pytestmark = pytest.mark.wire

SIMULATE = Path(sys.executable).with_name("simulate")
DEADLINE_S = 60.0
QUICK = """
version: 1
name: quick
seed: 1
timeout: 2m
recover: 6s
director: {config: {heartbeat_period: 2s, sample_shape: ["8"], target_shape: ["1"]}}
envoys: [{group: ward, count: 2, training: {takes: 50ms, rounds: 1}}]
frontends:
  - id: alice
    start: 1s
    do:
      - submit: {experiment: e1, to: all}
      - await_end: {experiment: e1}
      - list: {}
phases: [{name: calm, for: 3s}]
expect: {outcomes: {e1: finished}}
"""
LONG = QUICK.replace("name: quick", "name: long\nclock: wire").replace("6s", "60s")
RESTARTS = (
    QUICK.replace("name: quick", "name: restarts")
    + "faults: [{id: down, type: director.restart, when: {at: 1s}, with: {down: 1s}}]\n"
)
CONFIG = {"heartbeat_period": "1s", "sample_shape": ["4", "4"], "target_shape": ["2"]}
THEIRS = DirectorSpec(config=DirectorConfig.model_validate(CONFIG))
"""Other shapes, and another period, than the scenario's."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, written in (("quick", QUICK), ("long", LONG), ("restarts", RESTARTS)):
        (tmp_path / f"{name}.yaml").write_text(written, encoding="utf-8")
    return tmp_path


@asynccontextmanager
async def simulating(folder: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the command in a process group of its own, as a shell does."""
    process = await asyncio.create_subprocess_exec(
        SIMULATE,
        *words,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def ended(process: asyncio.subprocess.Process) -> Said:
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


async def simulate(folder: Path, *words: str) -> Said:
    async with simulating(folder, *words) as process:
        return await ended(process)


async def seen(path: Path) -> None:
    """Wait until a file is there: nothing else tells what other processes do."""
    async with asyncio.timeout(DEADLINE_S):
        while not path.exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.02)


# ---------------------------------------------------------------- somebody else's Director


async def test_a_director_of_other_shapes_and_period_holds_twice_in_a_row(folder: Path) -> None:
    async with hosted("wire", spec=THEIRS) as theirs:
        words = ("--target", theirs.address, "--set", "recover=5s")
        first = await simulate(folder, "quick.yaml", *words)
        # What a target cannot do is left out, and says nothing of the rest.
        second = await simulate(folder, "restarts.yaml", "quick.yaml", *words)

    assert (first.code, first.err) == (0, "")
    assert second.code == 0
    assert "1 held, 1 not run" in second.out
    assert "cannot be restarted from here" in " ".join(second.out.split())


async def test_experiments_of_the_same_name_are_left_alone_unless_told(folder: Path) -> None:
    async with hosted("wire", spec=THEIRS) as theirs:
        words = ("--target", theirs.address, "--set", "recover=5s")
        async with simulating(folder, "quick.yaml", *words, "--report", "first") as killed:
            await seen(folder / "first" / "quick" / "director.log")
            while "'e1'" not in (await simulate(folder, "quick.yaml", *words)).err:
                pass
            os.killpg(killed.pid, signal.SIGKILL)
            await killed.wait()

        refused = await simulate(folder, "quick.yaml", *words)
        cleaned = await simulate(folder, "quick.yaml", *words, "--clean")

    assert refused.code == 2
    assert "'e1' of alice" in refused.err
    assert cleaned.code == 0


async def test_who_cannot_be_let_in_is_told_at_once(folder: Path) -> None:
    ours = Pki()
    (folder / "ca.crt").write_bytes(ours.root_certificate)
    (folder / "other.key").write_bytes(ours.server().private_key)
    files = ("--ca-cert", "ca.crt", "--ca-key", "other.key")

    said = await simulate(
        folder, "quick.yaml", "--target", "127.0.0.1:9", "--set", "identity=mtls", *files
    )

    assert said.code == 2
    assert "is not that of its certificate" in said.err


# ---------------------------------------------------------------- stopped half-way


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_what_was_finished_is_shown_and_kept(
    folder: Path, stop: signal.Signals, code: int
) -> None:
    words = ("quick.yaml", "long.yaml", "--jobs", "1", "--report", "build")
    async with simulating(folder, *words) as process:
        await seen(folder / "build" / "long" / "director.log")
        # From a terminal, everybody in the foreground hears of Ctrl-C.
        os.killpg(process.pid, stop)
        said = await ended(process)

    assert said.code == code
    assert said.err.strip() == ""
    assert "1 held, 1 not run" in said.out
    assert "the run was interrupted" in said.out
    assert (folder / "build" / "junit.xml").exists()


async def test_the_only_case_can_be_interrupted_too(folder: Path) -> None:
    async with simulating(folder, "long.yaml", "--report", "build") as process:
        await seen(folder / "build" / "long" / "director.log")
        process.send_signal(signal.SIGINT)
        said = await ended(process)

    assert (said.code, said.err) == (130, "")
    assert "1 not run" in said.out


# ---------------------------------------------------------------- judging again, and namesakes


def test_a_saved_run_is_judged_by_what_was_set(folder: Path) -> None:
    scenario = folder / "quick.yaml"
    bound = "expect: {outcomes: {e1: finished}, recover: {all_online_within: '${soon}'}}"
    text = QUICK.replace("expect: {outcomes: {e1: finished}}", bound) + "params: {soon: 1ms}\n"
    scenario.write_text(text, encoding="utf-8")
    told = ["--set", "soon=5s"]
    run = CliRunner().invoke(main, [str(scenario), *told, "--report", str(folder / "build")])
    assert run.exit_code == 0, run.output
    history = str(folder / "build" / "quick" / "history.jsonl")

    again = CliRunner().invoke(main, ["judge", history, "--scenario", str(scenario), *told])

    assert again.exit_code == 0, again.output
    assert "--set soon=5s" in "".join(again.output.split("\n"))


def test_scenarios_of_one_name_keep_their_reports_apart(folder: Path) -> None:
    twin = folder / "twin.yaml"
    twin.write_text(QUICK, encoding="utf-8")
    files = [str(folder / "quick.yaml"), str(twin)]

    run = CliRunner().invoke(main, [*files, "--report", str(folder / "build")])

    assert run.exit_code == 0, run.output
    assert {path.parent.name for path in (folder / "build").glob("*/history.jsonl")} == {
        "quick",
        "quick-again-2",
    }
