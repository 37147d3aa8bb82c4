"""`simulate sweep` as a user calls it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simulator.cli import main
from simulator.sweeping import search
from tests.planted.bugs_envoys import OnePeriodIsEnough
from tests.planted.planting import ROOT, case_of, planted, regression

pytestmark = pytest.mark.slow

AROUND = regression("hearts_skip_and_stutter")
SCENARIO = str(ROOT / f"{AROUND}.yaml")


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sweep", *arguments], catch_exceptions=False)


def test_a_director_that_holds_leaves_no_file(tmp_path: Path) -> None:
    result = called(SCENARIO, "--examples", "3", "--output", str(tmp_path / "found.yaml"))

    assert result.exit_code == 0
    assert "no guarantee broke" in result.output
    assert list(tmp_path.iterdir()) == []


def test_what_is_found_is_written_and_told_with_the_command_that_repeats_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "found.yaml"

    code = search(
        case_of(AROUND, {}),
        examples=60,
        seed=1,
        again="simulate sweep a.yaml --seed 1",
        output=place,
        factory=planted(OnePeriodIsEnough),
    )

    told = capsys.readouterr().out
    text = place.read_text(encoding="utf-8")
    assert code == 1
    assert told.startswith("presence is broken: hospital-05 is listed as offline")
    assert told.endswith(f"reproduce: simulate {place}\n")
    assert text.startswith("# Promise under attack: presence.\n")
    assert "# Found and made small by: simulate sweep a.yaml --seed 1\n" in text


def test_a_case_that_is_not_there_is_refused() -> None:
    assert called(SCENARIO, "--case", "identity=none").exit_code == 2
