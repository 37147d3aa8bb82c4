"""Names: which can be used at all, and that one in use is never taken over."""

import re
from itertools import pairwise

from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, Submission
from simulator.history.calls import Call
from simulator.history.fields import flag, text, texts
from simulator.history.history import History

LONGEST_NAME = 255
"""No Director needs more: it is what file systems take."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def why_unusable(name: str) -> str | None:
    """Return what is wrong with a name; None where it can be used."""
    if not name:
        return "empty"
    if len(name) > LONGEST_NAME:
        return "too long"
    if "/" in name or "\\" in name or name in {".", ".."}:
        return "like a path"
    if _CONTROL.search(name):
        return "with control characters"
    return None


class NamesStay(Checker):
    """A name belongs to whom it was given, and is a name."""

    guarantee = "names"
    promise = (
        "A name in use is never replaced; empty, over-long, path-like or control-character names"
        " are refused."
    )

    def examine(self, history: History, docket: Docket) -> None:
        for call in history.calls("UpdateShardInfo"):
            if call.is_ok:
                docket.occasion()
                if flag(call.response, "accepted"):
                    _judge_name(docket, call, "envoy", text(call.request, "name"))
        for call in history.calls("SetNewExperiment"):
            if call.is_ok:
                docket.occasion()
                if flag(call.response, "accepted"):
                    _judge_name(docket, call, "experiment", text(call.request, "experiment"))
                    for name in texts(call.request, "collaborators"):
                        _judge_name(docket, call, "collaborator", name)
        experiments = Experiments(history)
        by_name: dict[str, list[Submission]] = {}
        for submission in experiments.all_submissions():
            if submission.is_certain:
                by_name.setdefault(submission.name, []).append(submission)
        for accepted in by_name.values():
            _judge_namesakes(history, docket, accepted)


def _judge_name(docket: Docket, call: Call, what: str, name: str) -> None:
    wrong = why_unusable(name)
    if wrong is not None:
        docket.broken(
            f"the {what} name {name[:60]!r} of {call.actor} was accepted {when(call)}, though it"
            f" is {wrong}",
            call,
        )


def _judge_namesakes(history: History, docket: Docket, accepted: list[Submission]) -> None:
    ordered = sorted(accepted, key=lambda submission: submission.call.ended_index)
    for first, second in pairwise(ordered):
        if history.spans_a_restart(first.call.invoke_index, second.call.ended_index):
            continue
        # Where they overlap either may have come first; what came second needs a removal before it.
        overlap = first.call.ended_index > second.call.invoke_index
        may_follow = first.may_go_index < second.call.ended_index or (
            overlap and second.may_go_index < first.call.ended_index
        )
        if not may_follow:
            docket.broken(
                f"experiment {second.name!r} of {second.call.actor} was accepted"
                f" {when(second.call)}, though one of that name, accepted from"
                f" {first.call.actor} {when(first.call)}, had not been removed",
                first.call,
                second.call,
            )
