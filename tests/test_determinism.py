"""One seed, one run: to the byte, in every process, and no fault disturbs another's dice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.engine.run import run_case
from simulator.history.history import History
from simulator.scenario.load import load, load_text

ROOT = Path(__file__).parents[1]

PROGRAM = """
import sys
from pathlib import Path
from simulator.engine.run import run_case
from simulator.history.codec import dump
from simulator.scenario.load import load

target, identity, seed, *files = sys.argv[1:]
# Of a matrix the last cell, which loses the most.
for file in map(Path, files):
    case = load(file, {"identity": identity})[-1]
    dump(run_case(case, seed=int(seed)).history, Path(target) / f"{file.stem}.jsonl")
"""

LIVES = ("lifecycle", "corrupt_streams", "flaky_envoys")


def run_elsewhere(target: Path, identity: str, hash_seed: str) -> subprocess.Popen[bytes]:
    """Begin to run every life in a process of its own, in which sets have an order of their own."""
    target.mkdir()
    files = [str(ROOT / "scenarios" / f"{name}.yaml") for name in LIVES]
    return subprocess.Popen(  # noqa: S603 - our own interpreter, and our own program
        [sys.executable, "-c", PROGRAM, str(target), identity, "3", *files],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
    )


@pytest.mark.slow
@pytest.mark.parametrize("identity", ["plaintext", "mtls"])
def test_the_same_seed_gives_the_same_bytes_in_every_process(tmp_path: Path, identity: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"

    with run_elsewhere(one, identity, "1") as first, run_elsewhere(other, identity, "2") as second:
        assert (first.wait(), second.wait()) == (0, 0)

    for name in LIVES:
        written = (one / f"{name}.jsonl").read_bytes()
        assert written.count(b"\n") > 100
        assert written == (other / f"{name}.jsonl").read_bytes(), f"{name} differs"


def test_another_seed_gives_another_history() -> None:
    (case,) = load(ROOT / "scenarios" / "corrupt_streams.yaml")

    one, other = (run_case(case, seed=seed).history for seed in (1, 2))

    assert one.entries != other.entries


# ---------------------------------------------------------------- chance by name

HEARTS = """
version: 1
name: hearts
recover: 4s
director: {config: {heartbeat_period: 1s}}
envoys:
  - {group: hospital, count: 3, join: {spread: 1s}}
  - {group: clinic, count: 5, join: {spread: 1s}}
phases: [{name: calm, for: 2s}, {name: storm, for: 20s}]
faults:
"""
FAULTS = {
    "skips": "type: heartbeat.drop, targets: {envoy: hospital-1}, probability: 0.5",
    "late": "type: heartbeat.delay, targets: {envoy: hospital-2}, probability: 0.5,"
    " with: {by: {uniform: {low: 10ms, high: 900ms}}}",
    "twice": "type: heartbeat.duplicate, targets: {envoy: hospital-3}, probability: 0.5",
    "frozen": "type: envoy.pause, targets: {group: clinic, pick: one}",
}
WINDOW = "when: {every: 5s, jitter: 1s, for: 3s, phase: storm}"


def stormy(*faults: str) -> History:
    """Return a run with these of the faults."""
    lines = [f"  - {{id: {name}, {FAULTS[name]}, {WINDOW}}}\n" for name in faults]
    (case,) = load_text(HEARTS + "".join(lines), Path("hearts.yaml"))
    return run_case(case, seed=8).history


def doings(history: History, fault: str) -> list[tuple[float, str, str]]:
    """Return when a fault did what to whom."""
    return [
        (note.time, note.actor, f"{note.topic} {dict(note.value)}")
        for topic in ("fault.open", "fault.touch", "fault.close")
        for note in history.notes(topic)
        if note.value["fault"] == fault
    ]


@pytest.mark.parametrize("left_out", FAULTS)
def test_leaving_a_fault_out_changes_no_draw_of_another(left_out: str) -> None:
    everything = stormy(*FAULTS)
    rest = [name for name in FAULTS if name != left_out]

    without = stormy(*rest)

    assert not doings(without, left_out)
    for name in rest:
        assert len(doings(everything, name)) > 10
        assert doings(everything, name) == doings(without, name)
