"""What variants of a scenario have in common with it."""

from pathlib import Path

from hypothesis import HealthCheck, given, reject, settings, strategies as st

from simulator.engine.variants import variants
from simulator.scenario.load import load_text
from simulator.scenario.problem import ScenarioError
from simulator.scenario.schema import Scenario
from simulator.scenario.writing import written
from tests.planted.planting import case_of

ORIGIN = case_of("scenarios/flaky_envoys", {})
DOCUMENT = ORIGIN.root.plain()


def a_variant() -> st.SearchStrategy[Scenario]:
    assert isinstance(DOCUMENT, dict)
    return variants(DOCUMENT, ORIGIN.scenario).map(loaded)


def loaded(document: dict[str, object]) -> Scenario:
    try:
        (case,) = load_text(written(document), Path("variant.yaml"))
    except ScenarioError:
        # It needs who is not there any more.
        reject()
    return case.scenario


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(variant=a_variant())
def test_a_variant_asks_for_nothing_that_its_origin_does_not(variant: Scenario) -> None:
    origin = ORIGIN.scenario

    faults = {fault.id: fault.name() for fault in origin.faults}
    assert {fault.id: fault.name() for fault in variant.faults}.items() <= faults.items()
    assert {member.id for member in variant.roster()} <= {one.id for one in origin.roster()}
    assert set(variant.owned()) <= set(origin.owned())
    assert variant.expect.guarantees == origin.expect.guarantees
    assert not variant.expect.outcomes
    # What takes its time by nature has as much of it as ever.
    assert variant.phases_s + variant.recover == origin.phases_s + origin.recover
    assert variant.phases[0] == origin.phases[0]
    assert variant.seed is not None
