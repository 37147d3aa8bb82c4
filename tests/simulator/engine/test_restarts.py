"""Restarts that meet something else: there is never more than one Director, and it comes back."""

from pathlib import Path

import pytest

from simulator.checkers.base import Validity
from simulator.engine.run import HarnessError, Played, run_case
from simulator.scenario.load import load_text

QUIET = """
version: 1
name: quiet
seed: 1
recover: 20s
director: {config: {heartbeat_period: 2s}}
envoys: [{group: hospital}]
phases: [{name: calm, for: 4s}, {name: storm, for: 2s}]
faults:
"""


def played(faults: str) -> Played:
    (case,) = load_text(QUIET + faults, Path("quiet.yaml"))
    return run_case(case, seed=1)


def test_a_director_that_was_to_die_of_a_write_dies_before_its_successor_comes() -> None:
    # Nothing is written in a storm in which nobody comes or goes.
    run = played(
        "  - {id: torn, type: director.restart, when: {at: 5s}, with: {signal: torn, down: 1s}}"
    )

    notes = [note for note in run.history.entries if note.topic.startswith("director.")]
    assert [note.topic for note in notes] == ["director.start", "director.kill", "director.start"]
    assert run.verdict.result("presence").validity is Validity.VALID
    assert run.verdict.result("all-online").validity is Validity.VALID


def test_where_the_disk_lets_no_director_start_nothing_is_said_of_it() -> None:
    faults = """
  - {id: kill, type: director.restart, when: {at: 4s}, with: {down: 1s}}
  - {id: disk, type: storage.error, when: {at: 4s, for: 2s}}
"""

    with pytest.raises(HarnessError, match="the Director did not start: "):
        played(faults)
