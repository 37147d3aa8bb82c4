"""On the wire: a Director under load gets SIGKILL again and again, and loses nothing.

`SQUALL_STORM=200s pytest tests/test_kills.py -rP` kills it more than fifty times for each identity,
and tells what was judged; the suite looks for a shorter while.
"""

import logging
import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from simulator.checkers.base import Validity
from simulator.engine.run import run_case
from simulator.scenario.load import load
from simulator.units import Duration

_log = logging.getLogger(__name__)

STORM = os.environ.get("SQUALL_STORM", "20s")
STORM_S: float = TypeAdapter(Duration).validate_python(STORM)
SCENARIO = Path(__file__).with_name("kills.yaml")


@pytest.mark.wire
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("identity", ["plaintext", "mtls"])
def test_a_director_under_load_survives_every_kill(
    identity: str, caplog: pytest.LogCaptureFixture
) -> None:
    (case,) = load(SCENARIO, {"storm": STORM, "identity": identity})

    played = run_case(case, seed=21)

    durability = played.verdict.result("durability")
    kills = len(played.history.notes("director.kill"))
    with caplog.at_level(logging.INFO, logger=__name__):
        _log.info(
            "%s: %d kills, %d calls, durability judged %d times: %s",
            *(identity, kills, len(played.history.all_calls)),
            *(durability.judgement.occasions, durability.validity),
        )
    assert durability.validity is Validity.VALID, durability.worst
    assert durability.was_exercised
    # One every 2.8 s, and the time that each start takes.
    assert kills >= STORM_S / 4
