"""Holds against the record how a scenario says that its experiments end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from simulator.checkers.base import Docket, Judgement, at
from simulator.checkers.expect import Outcome
from simulator.checkers.liveness_ends import still_moves
from simulator.checkers.liveness_facts import recovery
from simulator.checkers.liveness_stories import TERMINAL, Story, stories
from simulator.history.calls import Call
from simulator.history.entry import Kind
from simulator.history.fields import text
from simulator.history.history import History


class Experiment(NamedTuple):
    """What somebody wanted to run, under one name."""

    owner: str
    name: str

    def matches(self, pattern: str) -> bool:
        """Whether a glob of the name, or of `owner/name`, is about it."""
        return fnmatchcase(f"{self.owner}/{self.name}" if "/" in pattern else self.name, pattern)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an experiment stands at the end, as far as the record tells."""

    outcome: str
    """An Outcome, or "" where it is not known."""
    told: str
    """How that is known, or what is missing."""
    evidence: tuple[Call | int, ...]
    is_moving: bool = False
    """Whether it was still getting further when the run was over."""


def judge_outcomes(history: History, outcomes: Mapping[str, Outcome]) -> Iterator[Judgement]:
    """Judge each pattern; an experiment that several match is judged by the last of them."""
    endings = experiment_endings(history)
    last_first = list(reversed(tuple(outcomes)))
    patterns = {
        experiment: next((glob for glob in last_first if experiment.matches(glob)), None)
        for experiment in endings
    }
    for pattern, expected in outcomes.items():
        docket = Docket(f"outcomes[{pattern}]")
        undecided = []
        for experiment, ending in endings.items():
            if patterns[experiment] != pattern:
                continue
            if ending.outcome:
                docket.occasion()
                _compare(docket, experiment, expected, ending)
            else:
                undecided.append((experiment, ending))
        for experiment, ending in undecided:
            # A lost upload says nothing of refusals, while others show them.
            if expected != "rejected" or not docket.occasions:
                said = f"whether {experiment.name} of {experiment.owner} is {expected}"
                docket.unsure(f"{said} is not known: {ending.told}", *ending.evidence)
        if not docket.occasions and not undecided:
            docket.unsure(f"no experiment matches {pattern!r}")
        yield docket.close()


def _compare(docket: Docket, experiment: Experiment, expected: Outcome, ending: Ending) -> None:
    if ending.is_moving and ending.outcome != expected:
        docket.unsure(
            f"{experiment.name} of {experiment.owner} was to be {expected}, and still got further"
            f" when the run was over: a longer recovery would tell; {ending.told}",
            *ending.evidence,
        )
    elif ending.outcome != expected:
        docket.broken(
            f"{experiment.name} of {experiment.owner} was to be {expected}, but is"
            f" {ending.outcome}: {ending.told}",
            *ending.evidence,
        )


def experiment_endings(history: History) -> Mapping[Experiment, Ending]:
    """Return how each experiment that anybody uploaded stands at the end, in order of upload."""
    uploads: dict[Experiment, list[Call]] = {}
    for call in history.calls("SetNewExperiment"):
        experiment = Experiment(call.actor, text(call.request, "experiment"))
        uploads.setdefault(experiment, []).append(call)
    accepted = {Experiment(story.owner, story.name): story for story in stories(history)}
    return {
        experiment: _accepted(history, accepted[experiment])
        if experiment in accepted
        else _refused(history, calls)
        for experiment, calls in uploads.items()
    }


def _accepted(history: History, story: Story) -> Ending:
    if story.removed is not None:
        return Ending("removed", "its owner removed it", (story.removed,))
    asked = _asked_in_vain(history, story.accepted)
    if asked is not None and (history.header.max_age_s or history.header.max_stored_bytes):
        told = f"there was none any more when asked {at(asked.invoked_at)}"
        return Ending("removed", told, (story.accepted, asked))
    ends = [reading for reading in story.readings if reading.status in TERMINAL]
    last = ends[0] if ends else story.last_reading
    if last is not None and (ends or story.ended is None):
        status = "in_progress" if last.status == "pending" else last.status
        is_moving = not ends and _still_moves(history, story)
        told = f"read {at(last.time)}"
        return Ending(status, told, (story.accepted, last.index), is_moving)
    if story.ended is not None:
        return Ending("", "it ended, but nobody read how", (story.accepted, story.ended[1]))
    return Ending("", "nobody read its status", (story.accepted,))


def _still_moves(history: History, story: Story) -> bool:
    window = recovery(history)
    return still_moves(history, story, history.ended_at if window is None else window.end)


def _refused(history: History, calls: list[Call]) -> Ending:
    refused = [call for call in calls if call.kind is Kind.FAIL]
    # What is refused says nothing of another try, whose answer got lost: that may have the name.
    doubtful = [call for call in calls if call.kind is Kind.INFO and call.may_have_happened]
    last = doubtful[-1] if doubtful else calls[-1]
    if not refused or doubtful:
        asked = _asked_in_vain(history, last)
        if asked is not None:
            return Ending("rejected", f"there was none when asked {at(asked.invoked_at)}", (asked,))
        return Ending("", "its upload broke off, and nobody read of it after", (last,))
    code, details = refused[-1].code, refused[-1].details
    return Ending("rejected", f"its upload was refused, {code}: {details}", (refused[-1],))


def _asked_in_vain(history: History, upload: Call) -> Call | None:
    """Return the owner's last question after an upload, if there was no experiment."""
    name = text(upload.request, "experiment")
    asked = [
        call
        for call in history.calls("GetExperimentStatus", upload.actor)
        if text(call.request, "experiment") == name and call.invoke_index > upload.ended_index
    ]
    answered = [call for call in asked if call.kind in {Kind.OK, Kind.FAIL}]
    if not answered:
        return None
    last = answered[-1]
    is_absent = last.code == "NOT_FOUND" or not text(last.response, "status", "")
    return last if is_absent else None
