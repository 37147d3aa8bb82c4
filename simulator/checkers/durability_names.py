"""Names before and after the Director went down: of removed experiments, and of envoys."""

from collections.abc import Mapping, Sequence

from simulator.checkers.answers import is_answered, is_impostor
from simulator.checkers.base import Docket, at, when
from simulator.checkers.crashes import Crashes, is_absent, is_gone, registered_at
from simulator.checkers.experiments import Experiments, Submission, owner_of
from simulator.history.calls import Call
from simulator.history.fields import tables, text
from simulator.history.history import History

_FAIR = frozenset({"NOT_FOUND", "RESOURCE_EXHAUSTED"})
"""How an envoy may be refused by a Director that has come back; it then registers again."""


def judge_removals(
    history: History, docket: Docket, crashes: Crashes, experiments: Experiments
) -> None:
    """What its owner removed does not come back."""
    removed: dict[tuple[str, str], list[Call]] = {}
    for removal in history.calls("RemoveExperimentData"):
        if is_gone(removal):
            key = (owner_of(removal), text(removal.request, "experiment"))
            removed.setdefault(key, []).append(removal)
    for call, name, is_there in _looks(history):
        removals = removed.get((owner_of(call), name), ())
        before = [removal for removal in removals if removal.ended_index < call.invoke_index]
        if not before or _may_be_another(experiments.candidates(name, call), owner_of(call)):
            continue
        crash = crashes.between(before[-1].ended_index, call.invoke_index)
        if crash is None:
            continue
        docket.occasion()
        if is_there:
            docket.broken(
                f"experiment {name[:60]!r}, removed {when(before[-1])}, was there again"
                f" {when(call)}, after the Director had gone down {at(crash.time)}",
                before[-1],
                crash,
                call,
            )


def _may_be_another(candidates: Sequence[Submission], owner: str) -> bool:
    return any(submission.owner == owner for submission in candidates)


def _looks(history: History) -> Sequence[tuple[Call, str, bool]]:
    """Return what owners were told of names: the call, the name, and whether it was there."""
    found = [
        (call, text(call.request, "experiment"), not is_absent(call))
        for topic in ("GetExperimentStatus", "GetExperimentDescription")
        for call in history.calls(topic)
        if call.is_ok or is_absent(call)
    ]
    for call in history.calls("GetExperimentsList"):
        if call.is_ok:
            found += [
                (call, text(item, "name"), True) for item in tables(call.response, "experiments")
            ]
    return found


# ---------------------------------------------------------------- envoys


def judge_envoys(history: History, docket: Docket, crashes: Crashes) -> None:
    """An envoy is remembered as it was, or told to register again."""
    registered = registered_at(history)
    greeted: dict[int, dict[str, Call]] = {}
    for topic in ("UpdateEnvoyStatus", "WaitExperiment"):
        for call in history.calls(topic):
            name = text(call.request, "name")
            first = registered.get(name)
            if first is None or not is_answered(call) or is_impostor(history, call):
                continue
            crash = crashes.between(first.ended_index, call.invoke_index)
            if crash is None:
                continue
            docket.occasion()
            if call.is_ok:
                life = crashes.life(call.invoke_index)
                greeted.setdefault(life, {}).setdefault(name, call)
            elif call.code not in _FAIR:
                docket.broken(
                    f"{topic} of {name}, registered {when(first)}, was answered {call.code}"
                    f" {when(call)}, after the Director had gone down {at(crash.time)}; it has to"
                    " be remembered, or told NOT_FOUND",
                    first,
                    crash,
                    call,
                )
    _judge_listings(history, docket, crashes, greeted)


def _judge_listings(
    history: History, docket: Docket, crashes: Crashes, greeted: Mapping[int, Mapping[str, Call]]
) -> None:
    """Who is answered as an envoy is listed as one; by how often the Director had gone down."""
    for listing in history.calls("GetEnvoys"):
        if not listing.is_ok:
            continue
        shown = {text(item, "name") for item in tables(listing.response, "envoys")}
        for name, call in greeted.get(crashes.life(listing.invoke_index), {}).items():
            if call.ended_index > listing.invoke_index:
                continue
            docket.occasion()
            if name not in shown:
                docket.broken(
                    f"{name} was answered {when(call)} as if it were registered, but is missing"
                    f" from the listing {when(listing)}",
                    call,
                    listing,
                )
