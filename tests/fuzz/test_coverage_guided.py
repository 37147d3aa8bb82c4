"""A few seconds of the fuzzing that is led by coverage, where it is installed."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("atheris") is None, reason="needs squall[fuzz]"),
]


@pytest.mark.parametrize("target", ["archive", "plan", "pickle"])
def test_a_while_of_fuzzing_finds_nothing(target: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()

    fuzzing = subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "tests.fuzz.coverage_guided", target),
            *("-seed=1", "-runs=3000", "-max_total_time=20", "-timeout=10"),
            *(f"-artifact_prefix={tmp_path}/", str(corpus)),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert fuzzing.returncode == 0, fuzzing.stderr[-4_000:]
    assert "Done " in fuzzing.stderr
    # It has found ways into the code that the first inputs did not take.
    assert len(list(corpus.iterdir())) > 1
