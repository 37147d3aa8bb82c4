"""Bad scenarios: each snippet in `bad/`, and exactly what is said of it and where.

In those files `|` is a whole scenario, `+` is added to the one below, `~ old => new` changes it,
and `>` is what must be said, all of it and in that order.
"""

from pathlib import Path

import pytest

from simulator.scenario.load import load_text
from simulator.scenario.problem import ScenarioError

BASE = """\
version: 1
name: demo
envoys:
  - {group: hospital, count: 3, labels: {region: [eu, us]}}
frontends:
  - id: alice
    do:
      - submit: {experiment: e1, to: "@hospital"}
phases:
  - {name: calm, for: 10s}
  - {name: storm, for: 1m}
"""
"""Eleven lines that are fine; what is added begins on line 12."""

SNIPPETS = [
    pytest.param(block.splitlines(), id=f"{path.stem}-{number}")
    for path in sorted(Path(__file__).with_name("bad").glob("*.txt"))
    for number, block in enumerate(path.read_text(encoding="utf-8").split("\n\n"))
]


def _written(block: list[str]) -> str:
    """Return the scenario that a block describes."""
    said = {mark: [line[2:] for line in block if line[0] == mark] for mark in "|+~"}
    if said["|"]:
        return "\n".join(said["|"])
    written = BASE
    for change in said["~"]:
        old, new = change.split(" => ")
        assert old in written
        written = written.replace(old, new.replace("\\n", "\n"), 1)
    return written + "\n".join(said["+"])


def _problems(written: str) -> list[str]:
    with pytest.raises(ScenarioError) as refusal:
        load_text(written, Path("x.yaml"))
    return [str(problem).removeprefix("x.yaml:") for problem in refusal.value.problems]


def test_what_the_snippets_build_on_is_fine() -> None:
    assert len(load_text(BASE, Path("x.yaml"))) == 1


@pytest.mark.parametrize("block", SNIPPETS)
def test_a_bad_scenario_is_told_what_is_wrong_and_where(block: list[str]) -> None:
    expected = [line[2:] for line in block if line[0] == ">"]

    assert expected
    assert _problems(_written(block)) == expected


def test_an_empty_file_is_no_scenario() -> None:
    assert _problems("") == ["1:1: the file is empty"]


def test_what_yaml_forbids_has_no_place_but_a_reason() -> None:
    (problem,) = _problems("a: \x00")

    assert problem.startswith(" this is not YAML: unacceptable character #x0000")


def test_faults_need_phases_to_happen_in() -> None:
    people = BASE.partition("phases:")[0]
    fault = "faults: [{id: f, type: link.cut, targets: all, when: {at: 1s}}]"

    assert _problems(people + fault) == [
        "9:54: faults[0].when: faults happen during phases, and there are none"
    ]
