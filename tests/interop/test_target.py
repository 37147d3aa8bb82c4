"""Our simulator against OpenFL's own Director: its peers complete an experiment there.

The promises that OpenFL breaks are found broken: that is what the simulator is for.
"""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.federation import PEERS
from tests.interop.make_environment import PYTHON
from tests.interop.programs import Program

pytestmark = pytest.mark.interop

LIFECYCLE = Path("scenarios/lifecycle.yaml").absolute()
BROKEN = 1
RUN_S = 150.0


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a Director of OpenFL's listens, of another shape and period than the scenario's."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command: list[str | Path] = [PYTHON, PEERS / "director.py", "--port", str(port)]
    command += ["--folder", tmp_path / "theirs", "--sample-shape", "4", "--period", "3"]
    director = Program("openfl-director", command, folder=tmp_path)
    try:
        director.saw("Starting director server")
        yield f"127.0.0.1:{port}"
    finally:
        director.kill()


def test_openfls_director_finishes_an_experiment_and_breaks_promises(
    address: str, tmp_path: Path
) -> None:
    simulate = Path(sys.executable).with_name("simulate")
    report = tmp_path / "report"
    command: list[str | Path] = [simulate, LIFECYCLE, "--target", address, "--report", report]

    code = Program("simulate", command, folder=tmp_path / "ours").finish(within_s=RUN_S)

    result = json.loads((report / "lifecycle" / "result.json").read_text(encoding="utf-8"))
    validity = {each["name"]: each["validity"] for each in result["results"]}
    assert code == BROKEN
    assert [each["outcome"] for each in result["experiments"]] == ["finished"]
    broken = {name for name, found in validity.items() if found == "invalid"}
    # Its waits look for work every few seconds: on a busy machine it may come too late, or not.
    assert broken - {"delivery"} == {
        # A description ends in a KeyError, and its progress begins anew once the run is over.
        "errors",
        "monotone",
    }
    assert {validity[name] for name in ("registry", "presence", "archive-identity", "model")} == {
        "valid"
    }
