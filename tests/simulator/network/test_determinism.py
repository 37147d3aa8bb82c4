"""The same seed gives the same storm, whatever the hash seed."""

import os
import subprocess
import sys

from tests.simulator.network.storm import storm


def _in_a_process(hash_seed: str) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-m", "tests.simulator.network.storm"],
        env=environment,
        check=True,
        capture_output=True,
    ).stdout


def test_a_storm_is_the_same_under_every_hash_seed() -> None:
    told = [_in_a_process(hash_seed) for hash_seed in ("0", "1", "4242")]

    assert told[0] == told[1] == told[2]
    assert told[0].decode().splitlines() == storm(7)


def test_a_storm_breaks_much_and_hangs_nothing() -> None:
    lines = storm(7)

    assert lines[-1].endswith("the end, 0 calls open")
    outcomes = {line.rpartition(": ")[2] for line in lines if line.split()[1].startswith("hospi")}
    assert {"'UNAVAILABLE'", "'DEADLINE_EXCEEDED'", "b'3'"} <= outcomes
    assert storm(8) != lines
