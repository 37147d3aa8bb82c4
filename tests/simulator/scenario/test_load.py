"""From a file to its cases: parameters, the matrix, `--set`, and what a world cannot do."""

from pathlib import Path
from typing import get_args

import pytest

from simulator.checkers.expect import Event
from simulator.faults.identity import IdentityImpersonate, IdentityPry
from simulator.faults.selector import Kind
from simulator.faults.when import Every, OnEvent
from simulator.scenario.load import Case, ensure_supported, load, load_text
from simulator.scenario.problem import ScenarioError
from simulator.scenario.references import EVENT_FIELDS
from simulator.units import OfNormal

SCENARIOS = sorted(Path(__file__).parents[3].glob("scenarios/**/*.yaml"))

WRITTEN = """\
version: 1
name: demo
seed: 1
params: {envoys: 4, loss: 0.1, recover: 5s}
matrix:
  identity: [plaintext, mtls]
  loss: [0.0, 0.5]
  exclude:
    - {identity: mtls, loss: 0.5}
identity: ${identity}
recover: ${recover}
title: ${envoys} envoys, ${loss} lost
network: {loss: "${loss}"}
envoys:
  - {group: hospital, count: "${envoys}", id: "h-{i:02}", labels: {region: [eu, us], size: big}}
frontends:
  - id: alice
    do:
      - submit: {experiment: e1, to: "@hospital:eu"}
phases: [{name: storm, for: 1m}]
faults:
  - {id: pry, type: identity.pry, targets: {frontend: tom, spawn: true}, when: {every: 5s}}
  - id: eve
    type: identity.impersonate
    targets: {frontend: eve, spawn: true}
    with: {victim: "@hospital:us"}
    when: {event: experiment.accepted, experiment: e1}
"""
RESTART = """\
version: 1
name: demo
phases: [{name: storm, for: 1m}]
faults:
  - {id: down, type: director.restart, when: {at: 4s}, with: {signal: power}}
"""


def _cases(**overrides: str) -> list[Case]:
    return list(load_text(WRITTEN, Path("demo.yaml"), overrides))


def _refusal(written: str, **overrides: str) -> list[str]:
    with pytest.raises(ScenarioError) as refusal:
        load_text(written, Path("demo.yaml"), overrides)
    return [str(problem) for problem in refusal.value.problems]


def test_a_file_has_a_case_for_each_cell_of_its_matrix() -> None:
    cases = _cases()

    assert [case.name for case in cases] == [
        "demo[identity=plaintext,loss=0.0]",
        "demo[identity=plaintext,loss=0.5]",
        "demo[identity=mtls,loss=0.0]",
    ]
    assert [case.scenario.identity for case in cases] == ["plaintext", "plaintext", "mtls"]
    assert [case.scenario.network.loss for case in cases] == [0.0, 0.5, 0.0]
    assert cases[2].values == {"identity": "mtls", "loss": 0.0}


def test_a_file_without_a_matrix_is_one_case() -> None:
    (case,) = load_text(RESTART, Path("demo.yaml"))

    assert case.name == "demo"
    assert case.values == {}


def test_a_parameter_alone_keeps_its_type_and_in_text_becomes_text() -> None:
    scenario = _cases()[0].scenario

    assert scenario.envoys[0].count == 4
    assert scenario.recover == 5
    assert scenario.title == "4 envoys, 0.0 lost"


def test_set_gives_a_parameter_another_value() -> None:
    assert [case.scenario.envoys[0].count for case in _cases(envoys="7")] == [7, 7, 7]


def test_set_pins_an_axis_of_the_matrix() -> None:
    cases = _cases(identity="mtls", loss="0.25")

    assert [case.name for case in cases] == ["demo[identity=mtls,loss=0.25]"]


def test_set_reaches_what_stands_at_the_top() -> None:
    scenario = _cases(seed="9", clock="wire", timeout="20m", xfail="true")[0].scenario

    assert (scenario.seed, scenario.clock, scenario.timeout) == (9, "wire", 1200)
    assert scenario.xfail


def test_set_reaches_into_sections() -> None:
    overrides = {
        "clock": "wire",
        "identity": "plaintext",
        "director.run": "external",
        "director.address": "[::1]:50051",
    }

    (case, *_) = load_text(WRITTEN, Path("demo.yaml"), overrides)

    assert case.scenario.director.run == "external"
    assert case.scenario.director.address == "[::1]:50051"


def test_set_of_something_else_is_refused_with_what_there_is() -> None:
    (problem,) = _refusal(WRITTEN, envoy="7")

    assert problem.startswith("demo.yaml: --set: there is nothing named 'envoy' to set (there is: ")
    assert problem.endswith("(did you mean 'envoys'?)")


def test_a_wrong_value_of_set_is_told_where_it_is_used() -> None:
    assert _refusal(WRITTEN, envoys="many") == [
        "demo.yaml:15:30: envoys[0].count: expected a number, not 'many'"
    ]


def test_a_wrong_value_of_set_that_stands_nowhere_is_told_by_its_path() -> None:
    assert _refusal(RESTART, clock="wired") == [
        "demo.yaml: clock: 'wired' is not one of virtual, wire (did you mean 'wire'?)"
    ]


def test_everybody_gets_an_id_a_group_and_labels() -> None:
    roster = _cases()[0].scenario.roster()

    assert [(member.id, member.kind, member.labels) for member in roster] == [
        ("h-01", Kind.ENVOY, {"region": "eu", "size": "big"}),
        ("h-02", Kind.ENVOY, {"region": "us", "size": "big"}),
        ("h-03", Kind.ENVOY, {"region": "eu", "size": "big"}),
        ("h-04", Kind.ENVOY, {"region": "us", "size": "big"}),
        ("alice", Kind.FRONTEND, {}),
    ]


def test_faults_know_what_they_left_to_the_rest_of_the_scenario() -> None:
    pry, eve = _cases()[0].scenario.faults

    assert isinstance(pry, IdentityPry)
    assert pry.with_.experiments == ("e1",)
    assert isinstance(eve, IdentityImpersonate)
    assert eve.with_.victim == ("h-02", "h-04")


def test_a_fault_that_this_world_cannot_do_stops_everything_and_is_named() -> None:
    cases = load_text(RESTART, Path("demo.yaml"), {"clock": "wire"})

    with pytest.raises(ScenarioError) as refusal:
        ensure_supported([*cases, *cases])

    (problem,) = refusal.value.problems
    assert str(problem) == (
        "demo.yaml:5:22: faults[0].type: director.restart (down) cannot be done here: "
        "on a real disk nothing forgets what was not synced: there is 'signal: kill'"
    )
    assert (problem.line, problem.column) == (5, 22)


def test_what_a_world_can_do_may_run() -> None:
    ensure_supported(_cases(identity="mtls"))


def test_nobody_can_be_impersonated_in_plaintext() -> None:
    with pytest.raises(ScenarioError, match=r"identity.impersonate \(eve\) cannot be done here"):
        ensure_supported(_cases(identity="plaintext"))


def test_a_file_that_cannot_be_read_is_a_problem_like_any_other(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: Jürgen".encode("latin-1"))

    with pytest.raises(ScenarioError, match=r"absent\.yaml: cannot be read: No such file"):
        load(tmp_path / "absent.yaml")
    with pytest.raises(ScenarioError, match=r"latin\.yaml: is not UTF-8 text"):
        load(latin)


def test_an_event_can_only_be_one_that_expectations_know() -> None:
    assert list(EVENT_FIELDS) == list(get_args(Event))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("identity", ["plaintext", "mtls"])
def test_every_scenario_of_ours_is_fine_with_either_identity(path: Path, identity: str) -> None:
    cases = load(path, {"identity": identity})

    assert {case.scenario.identity for case in cases} == {identity}
    assert all(case.scenario.name == path.stem for case in cases)


def test_yaml_is_read_as_of_version_1_2() -> None:
    written = "version: 1\nname: on\ntitle: 12:30\ndoc: 2001-01-01\ntags: [no, '1', ~, 0x1F]"

    problems = _refusal(written)

    assert problems == [
        "demo.yaml:5:17: tags[2]: expected text, not nothing",
        "demo.yaml:5:20: tags[3]: expected text, not 31",
    ]


def test_aliases_mean_what_they_stand_for() -> None:
    written = (
        "version: 1\nname: x\ntags: &t [a]\nfrontends: [{id: a, do: [{sleep: &s 1s}, {sleep: *s}]}]"
    )

    (case,) = load_text(written, Path("x.yaml"))

    assert len(case.scenario.frontends[0].do) == 2


def test_the_example_decodes_in_full() -> None:
    path = next(path for path in SCENARIOS if path.stem == "flaky_envoys")

    scenario = load(path)[1].scenario

    assert isinstance(scenario.network.latency, OfNormal)
    assert scenario.phases_s == 360
    assert [group.client for group in scenario.envoys] == ["openfl-1.6"]
    hearts, hole, upload, restart = scenario.faults
    assert restart.name() == "director.restart"
    assert hearts.probability == 0.5
    assert isinstance(hole.when, OnEvent)
    assert (hole.when.nth, hole.when.match, hole.when.lasts) == (2, {"experiment": "e1"}, 45)
    assert isinstance(upload.when, Every)
    assert upload.targets is not None
    assert upload.targets.attacker == "mallory"
    assert scenario.experiments() == ("e1", "e2")
    assert scenario.owned() == (("alice", "e1"), ("bob", "e2"))
