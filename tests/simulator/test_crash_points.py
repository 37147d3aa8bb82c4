"""A Director may die before and after every single operation on its storage."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.checkers.base import Validity
from simulator.cli import main
from simulator.crash_points import (
    Death,
    count_operations,
    crash_points,
    die,
    die_everywhere,
    exit_code,
)
from simulator.engine.memory_host import CrashPoint
from simulator.engine.run import run_case
from simulator.scenario.load import Case, load
from tests.planted.bugs_durability import AnswersComeBeforeTheyAreWritten
from tests.planted.planting import planted

PATH = Path(__file__).parents[2] / "scenarios" / "durability_small.yaml"
SEED = 3
TWENTIETH = CrashPoint(operation=20, is_after=True)


def case() -> Case:
    return load(PATH)[0]


@pytest.mark.slow
def test_nothing_is_lost_wherever_the_director_dies() -> None:
    points = crash_points(count_operations(case(), seed=SEED))

    deaths = die_everywhere(PATH, case(), overrides={}, seed=SEED, points=points, jobs=2)

    assert [death for death in deaths if death.validity is not Validity.VALID] == []
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

    death = die(PATH, {}, case().name, SEED, first)

    assert death.validity is Validity.VALID
    assert death.kind == "while it started"


@pytest.mark.parametrize(
    ("validities", "code"),
    [
        ([Validity.VALID], 0),
        ([Validity.VALID, Validity.INVALID, Validity.UNKNOWN], 1),
        ([Validity.UNKNOWN], 3),
        ([Validity.INVALID, None], 4),
    ],
)
def test_the_exit_code_tells_the_worst(validities: list[Validity | None], code: int) -> None:
    assert exit_code([Death(point=TWENTIETH, validity=each) for each in validities]) == code


def test_a_scenario_that_is_wrong_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 2", encoding="utf-8")

    result = CliRunner().invoke(main, ["crash-points", str(wrong)])

    assert result.exit_code == 2
