"""That every scenario we ship says what it is for, and that our Director holds in all of them."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from simulator.checkers import CHECKERS
from simulator.checkers.base import Validity
from simulator.checkers.expect import GUARANTEES
from simulator.checkers.judge import Verdict
from simulator.engine.run import run_case
from simulator.scenario.load import Case, ensure_supported, load, refusals

ROOT = Path(__file__).parents[1] / "scenarios"
FILES = (*sorted(ROOT.glob("*.yaml")), *sorted(ROOT.glob("regressions/*.yaml")))
IDENTITIES = ("plaintext", "mtls")

TLS_ONLY = {"identity_tls", "eve_acts_as_another"}
"""What they attack is not there in plaintext."""

RUNS = [
    pytest.param(path, identity, id=f"{path.stem}-{identity}")
    for path in FILES
    for identity in IDENTITIES
    if not (identity == "plaintext" and path.stem in TLS_ONLY)
]

of_every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)

_LEAD = "# Promise under attack: "


def header(path: Path) -> str:
    """Return the first paragraph of the comment that tells the promise."""
    comment = re.match(r"(?:#.*\n)+", path.read_text(encoding="utf-8"))
    assert comment, f"{path.name} opens with no comment"
    begin = comment[0].find(_LEAD)
    assert begin >= 0, f"the comment at the top of {path.name} has no line {_LEAD!r}"
    return comment[0][begin:].removeprefix(_LEAD).partition("\n#\n")[0]


def attacked(path: Path) -> Sequence[str]:
    """Return the promises that a scenario says it attacks."""
    words = re.findall(r"[a-z-]+", header(path))
    return [guarantee for guarantee in GUARANTEES if guarantee in words]


def cases_of(path: Path, identity: str) -> Sequence[Case]:
    cases = load(path, {"identity": identity})
    ensure_supported(cases)
    return cases


def why(verdict: Verdict) -> str:
    first = verdict.first
    if first is None:
        return verdict.validity
    finding = first.worst
    return f"{first.name}: {first.error or (finding.message if finding else '')}"


@of_every_file
def test_a_scenario_tells_which_promise_it_attacks(path: Path) -> None:
    assert attacked(path) or header(path).startswith("none."), header(path)


@of_every_file
def test_a_scenario_is_called_as_its_file_is(path: Path) -> None:
    assert {case.scenario.name for case in load(path)} == {path.stem}


@of_every_file
def test_a_scenario_is_the_same_each_time(path: Path) -> None:
    assert all(case.scenario.seed is not None for case in load(path))


@pytest.mark.parametrize("name", sorted(TLS_ONLY))
def test_what_needs_certificates_is_refused_in_plaintext(name: str) -> None:
    (path,) = [path for path in FILES if path.stem == name]

    assert all(refusals(case) for case in load(path, {"identity": "plaintext"}))


@pytest.mark.parametrize(("path", "identity"), RUNS)
def test_our_director_holds(path: Path, identity: str) -> None:
    exercised: set[str] = set()
    for case in cases_of(path, identity):
        assert case.scenario.seed is not None
        played = run_case(case, seed=case.scenario.seed)

        expected = Validity.INVALID if case.scenario.xfail else Validity.VALID
        assert played.verdict.validity is expected, why(played.verdict)
        exercised |= {r.name for r in played.verdict.results if r.was_exercised and r.counts}

    assert set(attacked(path)) <= exercised


def test_every_promise_is_attacked_by_a_scenario() -> None:
    named = {guarantee for path in FILES for guarantee in attacked(path)}

    assert {checker.guarantee for checker in CHECKERS} - named == set()
