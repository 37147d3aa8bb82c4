"""Owners look after what is theirs when the Director has been away."""

from pathlib import Path

import pytest

from simulator.engine.run import run_case
from simulator.history.history import History
from simulator.scenario.load import load_text

WRITTEN = """\
version: 1
name: away
seed: 1
recover: 5s
director: {config: {heartbeat_period: 2s}}
envoys: [{group: hospital, training: {takes: 1s, rounds: 2}}]
frontends:
  - id: alice
    start: 1s
    do:
      - submit: {experiment: ended, to: all}
      - await_end: {experiment: ended}
      - submit: {experiment: removed, to: all}
      - remove: {experiment: removed}
      - submit: {experiment: waiting, to: all}
phases: [{name: calm, for: 10s}, {name: storm, for: 20s}]
faults:
"""
AWAY = "  - {{id: away, type: director.restart, when: {{at: {at}}}, with: {{down: {down}}}}}\n"


def _played(*faults: str) -> History:
    written = WRITTEN + "".join(faults)
    (case,) = load_text(written, Path("away.yaml"))
    return run_case(case, seed=1).history


def _asked(history: History, experiment: str, *, since: int, before: int) -> list[str]:
    """What alice asked of an experiment between two entries, in order."""
    return [
        f"{call.topic} {call.request['kind']}" if "kind" in call.request else call.topic
        for call in history.all_calls
        if call.actor == "alice"
        and since < call.invoke_index < before
        and call.request.get("experiment") == experiment
    ]


@pytest.fixture(scope="module")
def history() -> History:
    return _played(AWAY.format(at="15s", down="5s"))


def test_of_what_had_ended_everything_is_read_again(history: History) -> None:
    back = history.notes("director.start")[-1].index

    assert _asked(history, "ended", since=back, before=len(history.entries)) == [
        "GetExperimentStatus",
        "GetExperimentDescription",
        "GetTrainedModel best",
        "GetTrainedModel last",
        "GetMetricStream",
    ]


def test_after_what_was_removed_its_owner_asks_once(history: History) -> None:
    back = history.notes("director.start")[-1].index

    asked = _asked(history, "removed", since=back, before=len(history.entries))

    assert asked == ["GetExperimentStatus"]


def test_nobody_asks_anew_while_the_director_was_never_away() -> None:
    history = _played("  []\n")

    assert history.calls("GetExperimentsList") == ()


def test_a_director_that_goes_away_again_is_asked_once_it_is_back_for_good() -> None:
    history = _played(
        "  - {id: away, type: director.restart, when: {every: 3s, phase: storm},"
        " with: {down: 2900ms}}\n"
    )
    back = history.notes("director.start")[-1].index

    asked = _asked(history, "ended", since=back, before=len(history.entries))

    assert "GetTrainedModel last" in asked
