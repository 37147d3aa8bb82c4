"""What an owner is told while hospitals die, as the shipped scenarios let it happen."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from simulator.engine.run import Played, run_case
from simulator.history.entry import JsonObject
from simulator.history.fields import tables, text
from simulator.scenario.load import load

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def played(scenario: str) -> Played:
    case = load(SCENARIOS / f"{scenario}.yaml", {"identity": "plaintext"})[0]
    assert case.scenario.seed is not None
    return run_case(case, seed=case.scenario.seed)


def descriptions(run: Played, experiment: str) -> Sequence[JsonObject]:
    return [
        call.response
        for call in run.history.calls("GetExperimentDescription")
        if call.is_ok and text(call.request, "experiment") == experiment
    ]


def told(description: JsonObject, log: str) -> str:
    return "".join(
        text(row, "status") for row in tables(description, "logs") if text(row, "name") == log
    )


@pytest.mark.slow
def test_who_dies_is_absent_and_then_dropped_and_who_comes_back_goes_on() -> None:
    seen = descriptions(played("stragglers"), "brain-mri")

    fates: dict[str, list[str]] = {}
    for description in seen:
        for collaborator in tables(description, "collaborators"):
            fate = fates.setdefault(text(collaborator, "name"), [])
            status = text(collaborator, "status")
            if status in {"absent", "dropped", "finished"} and fate[-1:] != [status]:
                fate.append(status)
    assert sorted(fates.values()) == [
        ["absent", "dropped"],
        ["absent", "dropped", "finished"],
        ["finished"],
        ["finished"],
        ["finished"],
    ]
    assert not any(told(description, "reason") for description in seen)


@pytest.mark.slow
def test_an_experiment_below_its_quorum_says_what_it_waits_for_and_why_it_failed() -> None:
    seen = descriptions(played("below_quorum"), "doomed")

    waiting = dict.fromkeys(told(description, "waiting") for description in seen)
    reasons = dict.fromkeys(told(description, "reason") for description in seen)
    lacking = "below the quorum: a round needs 3 of 4 collaborators, and nothing is heard of "
    assert [why.startswith(lacking) for why in waiting if why] == [True] * len(
        waiting.keys() - {""}
    )
    assert len(waiting) > 1
    (reason,) = (reason for reason in reasons if reason)
    assert reason.startswith(lacking)
    assert reason.endswith("; nobody came back in time")
