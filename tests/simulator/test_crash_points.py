"""A Director may die before and after every single operation on its storage."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.batch import Order
from simulator.checkers.base import Validity
from simulator.cli import main
from simulator.crash_points import count_operations, crash_points, die, die_everywhere
from simulator.engine.memory_host import CrashPoint
from simulator.engine.run import run_case
from simulator.report.outcome import CaseOutcome
from simulator.scenario.load import Case, load
from tests.planted.bugs_durability import AnswersComeBeforeTheyAreWritten
from tests.planted.planting import planted

PATH = Path(__file__).parents[2] / "scenarios" / "durability_small.yaml"
SEED = 3
TWENTIETH = CrashPoint(operation=20, is_after=True)
ENDLESS = """
version: 1
name: endless
seed: 1
timeout: 3s
recover: 1s
envoys: [{group: ward}]
phases: [{name: calm, for: 2s}]
"""
"""It ends in time, but for what it takes to settle."""


def case() -> Case:
    return load(PATH)[0]


def order(point: CrashPoint) -> Order:
    return Order.of(case(), PATH, {}, seed=SEED, crash_point=point)


@pytest.mark.slow
def test_nothing_is_lost_wherever_the_director_dies() -> None:
    points = crash_points(count_operations(case(), seed=SEED))

    deaths = [death for _, death in die_everywhere([order(point) for point in points], jobs=2)]

    assert len(deaths) == len(points)
    assert [d.result for d in deaths if d.result.outcome is not CaseOutcome.HELD] == []
    assert len(points) >= 60


@pytest.mark.slow
def test_a_director_that_answers_before_it_writes_does_not_survive_everywhere() -> None:
    factory = planted(AnswersComeBeforeTheyAreWritten)
    points = [point for point in crash_points(30) if not point.is_after]

    broken = [
        point
        for point in points
        if run_case(case(), seed=SEED, factory=factory, crash_point=point).verdict.validity
        is Validity.INVALID
    ]

    assert broken


def test_every_operation_has_two_places_to_die() -> None:
    assert list(map(str, crash_points(2))) == [
        "before operation 1",
        "after operation 1",
        "before operation 2",
        "after operation 2",
    ]


def test_the_record_tells_where_the_director_died() -> None:
    history = run_case(case(), seed=SEED, crash_point=TWENTIETH).history

    death, killed = history.notes("director.kill")
    assert death.value["operation"] == 20
    assert death.value["done"] is True
    assert "operation" not in killed.value
    assert len(history.notes("director.start")) == 3


def test_the_same_death_leaves_the_same_record() -> None:
    one, other = (run_case(case(), seed=SEED, crash_point=TWENTIETH).history for _ in range(2))

    assert one.entries == other.entries


def test_a_director_that_dies_while_it_starts_starts_again() -> None:
    first = CrashPoint(operation=1, is_after=False)

    death = die(order(first))

    assert death.result.outcome is CaseOutcome.HELD
    assert death.kind == "while it started"


def test_one_death_can_be_had_alone_and_leaves_its_files(tmp_path: Path) -> None:
    point = ["--point", str(TWENTIETH), "--seed", str(SEED)]

    result = CliRunner().invoke(
        main, ["crash-points", str(PATH), *point, "--report", str(tmp_path)]
    )

    assert result.exit_code == 0, result.output
    [folder] = [path for path in tmp_path.iterdir() if path.is_dir()]
    told = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert told["case"] == {"crash": "after operation 20"}
    assert "--point 'after operation 20'" in told["reproduce"]
    assert (tmp_path / "junit.xml").exists()


def test_a_run_that_does_not_end_is_the_harness_failing(tmp_path: Path) -> None:
    endless = tmp_path / "endless.yaml"
    endless.write_text(ENDLESS, encoding="utf-8")

    result = CliRunner().invoke(main, ["crash-points", str(endless)])

    assert result.exit_code == 4
    assert "did not end within" in result.output


def test_a_parameter_is_read_as_in_run() -> None:
    result = CliRunner().invoke(main, ["crash-points", str(PATH), "--set", "identity"])

    assert result.exit_code == 2
    assert "is not KEY=VALUE" in result.output


def test_a_scenario_that_is_wrong_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 2", encoding="utf-8")

    result = CliRunner().invoke(main, ["crash-points", str(wrong)])

    assert result.exit_code == 2
