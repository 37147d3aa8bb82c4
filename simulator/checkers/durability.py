"""What was acknowledged before the Director went down is there when it has come back."""

from collections.abc import Iterator, Mapping, Sequence

from simulator.checkers.base import Checker, Docket, at, when
from simulator.checkers.crashes import (
    Crashes,
    Trust,
    failure_may_be_reported,
    is_absent,
    trusts,
)
from simulator.checkers.delivery import ENDED
from simulator.checkers.durability_names import judge_envoys, judge_removals
from simulator.checkers.durability_results import judge_metrics, judge_models
from simulator.checkers.durability_retention import judge_retention
from simulator.checkers.experiments import Experiments, Sighting, owner_of
from simulator.checkers.liveness_facts import Span, lived_through, lives
from simulator.checkers.status import RANKS
from simulator.history.calls import Call
from simulator.history.entry import Entry
from simulator.history.fields import tables, text
from simulator.history.history import History

_SPOILS = "storage.rot"
"""The fault that takes away from a Director what it had kept."""


class NothingAcknowledgedIsLost(Checker):
    """A Director that comes back knows what it had told others, and goes on with it."""

    guarantee = "durability"
    promise = (
        "What was acknowledged survives kill -9 and power loss: accepted experiments run, finished"
        " models and metrics can be fetched, removed ones stay removed; an envoy that is not"
        " remembered is told NOT_FOUND, so that it registers again.  Where an operator limits how"
        " long ended ones are kept, they go when they are due, and no sooner."
    )

    def examine(self, history: History, docket: Docket) -> None:
        crashes = Crashes.of(history)
        experiments = Experiments(history)
        judge_retention(history, docket, experiments)
        if crashes.last is None:
            return
        alive, listings = lives(history), _listings(history)
        is_spoilt = any(window.type == _SPOILS for window in history.fault_windows)
        for trust in trusts(history, experiments):
            _judge_presence(docket, crashes, trust)
            _judge_list(docket, crashes, trust, listings.get(trust.submission.owner, ()))
            _judge_statuses(docket, crashes, trust)
            judge_models(docket, crashes, trust)
            judge_metrics(docket, crashes, trust)
            if not is_spoilt and not failure_may_be_reported(history, trust):
                _judge_failure(docket, crashes, trust, alive)
            _judge_silence(history, docket, crashes.last, trust)
        judge_removals(history, docket, crashes, experiments)
        judge_envoys(history, docket, crashes)


def _judge_presence(docket: Docket, crashes: Crashes, trust: Trust) -> None:
    """Who asks for an experiment finds it."""
    for call in trust.questions:
        crash = crashes.between(trust.known_index, call.invoke_index)
        if crash is None:
            continue
        docket.occasion()
        if is_absent(call):
            docket.broken(
                f"{trust.what}, which its owner was told of {when(trust.known)}, was not there"
                f" any more {when(call)}, after the Director had gone down {at(crash.time)}",
                trust.known,
                crash,
                call,
            )
            return


def _judge_list(docket: Docket, crashes: Crashes, trust: Trust, listings: Sequence[Call]) -> None:
    """Who lists their experiments finds it among them."""
    for call in listings:
        crash = crashes.between(trust.known_index, call.invoke_index)
        if crash is None or not trust.must_be_there(call):
            continue
        docket.occasion()
        if all(
            text(item, "name") != trust.submission.name
            for item in tables(call.response, "experiments")
        ):
            docket.broken(
                f"{trust.what}, which its owner was told of {when(trust.known)}, was missing from"
                f" the list {when(call)}, after the Director had gone down {at(crash.time)}",
                trust.known,
                crash,
                call,
            )
            return


def _judge_statuses(docket: Docket, crashes: Crashes, trust: Trust) -> None:
    """What an owner was told last stands, or something that can follow it."""
    for earlier, later in _neighbours(trust):
        crash = crashes.between(earlier.call.ended_index, later.call.invoke_index)
        if crash is None or not {earlier.status, later.status} <= RANKS.keys():
            continue
        docket.occasion()
        has_gone_back = RANKS[later.status] < RANKS[earlier.status]
        if has_gone_back or (earlier.status in ENDED and later.status != earlier.status):
            docket.broken(
                f"{trust.what} was {earlier.status} {when(earlier.call)}, but {later.status}"
                f" {when(later.call)}, after the Director had gone down {at(crash.time)}",
                earlier.call,
                crash,
                later.call,
            )
            return


def _neighbours(trust: Trust) -> Iterator[tuple[Sighting, Sighting]]:
    """Pair what was seen with the furthest that had been seen before."""
    furthest: Sighting | None = None
    for sighting in trust.sightings:
        if furthest is not None:
            yield furthest, sighting
        if furthest is None or RANKS.get(sighting.status, 0) >= RANKS.get(furthest.status, 0):
            furthest = sighting


def _judge_failure(
    docket: Docket, crashes: Crashes, trust: Trust, alive: Mapping[str, Sequence[Span]]
) -> None:
    """What goes on after a restart does not fail because of it."""
    failed = next((seen for seen in trust.sightings if seen.status == "failed"), None)
    if failed is None:
        return
    begin, end = trust.submission.call.invoked_at, failed.call.invoked_at
    crash = crashes.between(trust.known_index, failed.call.invoke_index)
    lived = all(
        lived_through(alive.get(name, ()), begin, end) for name in trust.submission.collaborators
    )
    if crash is not None and lived:
        docket.broken(
            f"{trust.what} had failed {when(failed.call)}, after the Director had gone down"
            f" {at(crash.time)}, though nobody reported a failure and everybody lived",
            trust.known,
            crash,
            failed.call,
        )


def _judge_silence(history: History, docket: Docket, crash: Entry, trust: Trust) -> None:
    """Of what nobody asked for again, nobody can tell."""
    owner = history.actors.get(trust.submission.call.actor)
    if owner is None or owner.kind != "frontend" or trust.known_index > crash.index:
        return
    if trust.submission.may_go_index < len(history.entries):
        return
    if not any(call.invoke_index > crash.index for call in trust.questions):
        docket.unsure(
            f"whether {trust.what} is still there is not known: nobody was told of it after the"
            f" Director had gone down {at(crash.time)}",
            trust.known,
            crash,
        )


def _listings(history: History) -> Mapping[str, list[Call]]:
    """Return the lists of their experiments that owners were given, by owner."""
    found: dict[str, list[Call]] = {}
    for call in history.calls("GetExperimentsList"):
        if call.is_ok:
            found.setdefault(owner_of(call), []).append(call)
    return found
