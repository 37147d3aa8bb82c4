"""The published schema takes what the loader takes."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from simulator.faults import CATALOGUE
from simulator.scenario.document import read
from simulator.scenario.export import json_schema, schema_text
from simulator.scenario.problem import Problems

ROOT = Path(__file__).parents[3]
SCENARIOS = sorted(ROOT.glob("scenarios/**/*.yaml"))
FINE = {"version": 1, "name": "x"}


SCHEMA = json_schema()
PUBLISHED = ROOT / "scenarios/scenario.schema.json"


def _complaints(scenario: object) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(scenario)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_published_schema_is_that_of_the_models() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))

    # The order of keys is pydantic's to choose.
    assert published == json.loads(schema_text()), (
        "simulate schema > scenarios/scenario.schema.json"
    )


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_of_ours_tells_editors_where_the_schema_is(path: Path) -> None:
    first, _, _ = path.read_text(encoding="utf-8").partition("\n")
    place = first.removeprefix("# yaml-language-server: $schema=")

    assert place != first
    assert (path.parent / place).resolve() == PUBLISHED


def test_an_editor_is_told_what_a_key_means() -> None:
    keys, training = SCHEMA["properties"], SCHEMA["$defs"]["TrainingSpec"]["properties"]

    assert keys["recover"]["description"].startswith("After the last phase")
    assert training["takes"]["description"].startswith("One experiment's training")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_of_ours_fits_the_schema(path: Path) -> None:
    root = read(path.read_text(encoding="utf-8"), Problems(str(path)))

    assert root is not None
    assert _complaints(root.plain()) == []


@pytest.mark.parametrize(
    "part",
    [
        {"fautls": []},
        {"version": 2},
        {"identity": "tls"},
        {"phases": [{"name": "storm", "for": "soon"}]},
        {"faults": [{"id": "f", "type": "heartbeat.dorp", "when": {"at": "1s"}}]},
        {"faults": [{"id": "f", "type": "link.loss", "targets": "hospital", "when": {"at": "1s"}}]},
        {"matrix": {"loss": 1}},
        {"params": {"a b": 1}},
    ],
)
def test_what_is_no_scenario_does_not_fit(part: dict[str, object]) -> None:
    assert _complaints(FINE) == []
    assert _complaints({**FINE, **part}) != []


def test_a_parameter_may_stand_for_any_single_value() -> None:
    scenario = {
        **FINE,
        "recover": "${recover}",
        "identity": "${identity}",
        "xfail": "${xfail}",
        "network": {"loss": "${loss}", "latency": "${latency}"},
        "envoys": [{"group": "hospital", "count": "${envoys}"}],
    }

    assert _complaints(scenario) == []


def test_every_fault_is_in_the_schema() -> None:
    named = {
        definition["properties"]["type"]["const"]
        for definition in SCHEMA["$defs"].values()
        if "const" in definition.get("properties", {}).get("type", {})
    }

    assert named == {fault.name() for fault in CATALOGUE}
