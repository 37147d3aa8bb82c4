"""That the simulator catches bugs: each is planted in a Director that is otherwise healthy."""

import pytest

from simulator.checkers import CHECKERS
from simulator.checkers.base import Validity
from simulator.engine.run import Played, run_case
from tests.planted.bugs import BUGS
from tests.planted.planting import Planted, case_of

STAGES = tuple(dict.fromkeys(planted.stage for planted in BUGS))


def broken(played: Played) -> set[str]:
    """What is certainly broken, whatever else is unsure."""
    return {
        result.name
        for result in played.verdict.results
        if result.counts and result.validity is Validity.INVALID
    }


@pytest.mark.parametrize("planted", BUGS, ids=str)
def test_a_planted_bug_is_caught(planted: Planted) -> None:
    case = case_of(planted.scenario, planted.overrides)
    assert case.scenario.seed is not None, "a bug has to be caught every time"

    played = run_case(case, seed=case.scenario.seed, factory=planted.factory)

    assert played.verdict.validity is Validity.INVALID
    assert planted.breaks in broken(played)


@pytest.mark.parametrize(("scenario", "overrides"), STAGES)
def test_a_healthy_director_holds_where_bugs_are_caught(
    scenario: str, overrides: tuple[tuple[str, str], ...]
) -> None:
    case = case_of(scenario, dict(overrides))
    assert case.scenario.seed is not None

    played = run_case(case, seed=case.scenario.seed)

    assert played.verdict.validity is Validity.VALID, played.verdict.first


def test_every_promise_has_a_bug_that_breaks_it() -> None:
    caught = {planted.breaks for planted in BUGS}

    assert {checker.guarantee for checker in CHECKERS} - caught == set()


def test_no_bug_is_planted_that_nobody_described() -> None:
    assert all(planted.bug.__doc__ for planted in BUGS)
    assert len({(str(planted), planted.stage) for planted in BUGS}) == len(BUGS)
