"""What envoys download, held against what was uploaded."""

from collections.abc import Sequence

from simulator.checkers.answers import is_impostor, is_rewritten
from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, Sighting, sightings
from simulator.history.calls import Call
from simulator.history.entry import JsonObject
from simulator.history.fields import as_table, text, whole
from simulator.history.history import History

GOING_ON = frozenset({"pending", "in_progress"})
"""Statuses of an experiment that is not over."""


def differences(uploaded: JsonObject, downloaded: JsonObject) -> list[str]:
    """Tell how a downloaded archive differs from what its frontend meant to send."""
    if downloaded.get("members") is None:
        return ["it is no readable zip"]
    meant, got = _members(uploaded), _members(downloaded)
    found = [f"{path!r} is missing" for path in sorted(meant.keys() - got.keys())]
    found += [f"{path!r} was added" for path in sorted(got.keys() - meant.keys())]
    found += [
        f"{path!r} differs" for path in sorted(meant) if got.get(path, meant[path]) != meant[path]
    ]
    if uploaded.get("plan_rest") != downloaded.get("plan_rest"):
        found.append("the plan differs in more than the Director may set")
    return found


def is_download(call: Call) -> bool:
    """Whether a call brought an archive to its end, and what it brought is what was sent."""
    return call.is_ok and whole(call.response, "chunks") > 0 and not is_rewritten(call, "response")


class ArchivesArriveWhole(Checker):
    """An envoy gets what the frontend uploaded."""

    guarantee = "archive-identity"
    promise = (
        "Every member of a downloaded archive is what was accepted, byte for byte, but for the"
        " plan's network address, port and salt; a download that ends OK is whole, or has no chunk"
        " where the experiment is over; every chunk tells its true size."
    )

    def examine(self, history: History, docket: Docket) -> None:
        experiments = Experiments(history)
        seen = _going_on(history)
        for call in history.calls("GetExperimentData"):
            has_come = call.is_ok or whole(call.response, "chunks", 0) > 0
            if is_rewritten(call, "response") or not has_come:
                continue
            docket.occasion()
            mismatched = whole(call.response, "mismatched")
            if mismatched:
                docket.broken(
                    f"{mismatched} chunks of {_what(call)} lied about their size {when(call)}", call
                )
            if not call.is_ok:
                continue
            if whole(call.response, "chunks"):
                _judge_archive(docket, call, experiments)
            else:
                _judge_nothing(history, docket, call, experiments, seen)


def _what(call: Call) -> str:
    return f"the archive of {text(call.request, 'experiment')!r} for {text(call.request, 'name')}"


def _judge_archive(docket: Docket, call: Call, experiments: Experiments) -> None:
    candidates = experiments.candidates(text(call.request, "experiment"), call)
    if any(is_rewritten(candidate.call, "request") for candidate in candidates):
        return  # What arrived is not what was meant: no-bad-accept judges that.
    if not candidates:
        docket.broken(f"{_what(call)} came {when(call)}, though nobody had uploaded it", call)
        return
    found = [differences(candidate.call.request, call.response) for candidate in candidates]
    if all(found):
        docket.broken(
            f"{_what(call)} is not what was uploaded {when(candidates[-1].call)}: downloaded"
            f" {when(call)}, {_shortened(found[-1])}",
            candidates[-1].call,
            call,
        )


def _judge_nothing(
    history: History,
    docket: Docket,
    call: Call,
    experiments: Experiments,
    seen: dict[tuple[str, str], Sighting],
) -> None:
    """A download without a chunk is right only where the experiment is over."""
    name = text(call.request, "experiment")
    submission = experiments.only_candidate(name, call)
    if submission is None or not submission.has(text(call.request, "name")):
        return
    if is_impostor(history, call) or submission.may_go_index < call.ended_index:
        return
    later = seen.get((submission.owner, name))
    if later is None or later.call.invoke_index < call.ended_index:
        return
    if history.spans_a_restart(call.invoke_index, later.call.ended_index):
        return
    if experiments.only_candidate(name, later.call) == submission:
        docket.broken(
            f"{_what(call)} came without a chunk {when(call)}, though the experiment was still"
            f" {later.status} {when(later.call)}",
            call,
            later.call,
        )


def _going_on(history: History) -> dict[tuple[str, str], Sighting]:
    """Return, by owner and name, when an experiment was last seen not to be over."""
    return {
        (sighting.owner, sighting.name): sighting
        for sighting in sightings(history)
        if sighting.status in GOING_ON
    }


def _members(value: JsonObject) -> dict[str, str]:
    members = value.get("members")
    if members is None:
        return {}
    table = as_table(members, "members")
    return {path: text(table, path) for path in table}


def _shortened(found: Sequence[str], most: int = 3) -> str:
    rest = len(found) - most
    return ", ".join(found[:most]) + (f" and {rest} more" if rest > 0 else "")
