"""On the wire: a Director under load gets SIGKILL again and again, and loses nothing.

`SQUALL_STORM=150s pytest tests/test_kills.py` kills it more than fifty times; the suite looks for
a shorter while.
"""

import os
from pathlib import Path

import pytest

from simulator.checkers.base import Validity
from simulator.engine.run import run_case
from simulator.scenario.load import load

STORM = os.environ.get("SQUALL_STORM", "20s")
SCENARIO = Path(__file__).with_name("kills.yaml")


@pytest.mark.wire
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("identity", ["plaintext", "mtls"])
def test_a_director_under_load_survives_every_kill(identity: str) -> None:
    (case,) = load(SCENARIO, {"storm": STORM, "identity": identity})

    played = run_case(case, seed=21)

    durability = played.verdict.result("durability")
    assert durability.validity is not Validity.INVALID, durability.worst
    assert durability.was_exercised
    assert len(played.history.notes("director.kill")) >= 5
