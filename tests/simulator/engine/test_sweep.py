"""That a search finds what is broken, makes it small, and finds the same again."""

from pathlib import Path

import pytest

from simulator.checkers.base import Validity
from simulator.engine.run import run_case
from simulator.engine.sweep import Swept, sweep
from simulator.scenario.load import Case, load_text
from tests.planted.bugs_envoys import OnePeriodIsEnough
from tests.planted.planting import case_of, planted, regression

pytestmark = pytest.mark.slow

BROKEN = planted(OnePeriodIsEnough)


def search(*, seed: int, examples: int = 60) -> tuple[Case, Swept]:
    case = case_of(regression("hearts_skip_and_stutter"), {})
    return case, sweep(case, examples=examples, seed=seed, factory=BROKEN)


def told(swept: Swept) -> str:
    assert swept.found is not None
    return swept.found.text(again="simulate sweep", place=Path("found.yaml"))


@pytest.fixture(scope="module")
def found() -> tuple[Case, Swept]:
    return search(seed=1)


def test_what_breaks_is_found_and_made_small(found: tuple[Case, Swept]) -> None:
    case, swept = found

    assert swept.found is not None
    assert swept.found.guarantee == "presence"
    assert swept.found.found_after <= swept.runs
    (fault,) = swept.found.document["faults"]
    assert len(case.scenario.faults) > 1
    # Who is silent for one period is enough; nobody has to do anything.
    assert fault["when"]["for"] in {"1s", "2s"}
    assert "frontends" not in swept.found.document


def test_what_is_written_breaks_the_same_promise_and_holds_without_the_bug(
    found: tuple[Case, Swept],
) -> None:
    text = told(found[1])

    (case,) = load_text(text, Path("found.yaml"))
    assert case.scenario.seed is not None
    broken = run_case(case, seed=case.scenario.seed, factory=BROKEN)
    healthy = run_case(case, seed=case.scenario.seed)

    assert text.startswith("# Promise under attack: presence.\n")
    assert broken.verdict.result("presence").validity is Validity.INVALID
    assert healthy.verdict.result("presence").validity is Validity.VALID


def test_one_seed_finds_the_same_bytes(found: tuple[Case, Swept]) -> None:
    assert told(search(seed=1)[1]) == told(found[1])


def test_where_nothing_is_broken_nothing_is_found() -> None:
    case = case_of(regression("hearts_skip_and_stutter"), {})

    swept = sweep(case, examples=5, seed=1)

    assert swept.found is None
    assert swept.failed == ()
    assert swept.runs > 0
