"""Experiments that the Director itself removes: those that are due, and no others."""

from simulator.checkers.base import Docket, at, when
from simulator.checkers.crashes import Trust, is_absent, trusts
from simulator.checkers.experiments import Experiments
from simulator.checkers.liveness_facts import downtimes
from simulator.history.history import History

_LOOKS_EVERY_S = 60.0
"""So long may it take a Director to notice that something is due."""

_SLACK_S = 1.0
"""What the removal itself may take."""

_REFUSALS = frozenset({"storage.full", "storage.error"})
"""Faults that keep a Director from removing anything."""


def judge_retention(history: History, docket: Docket, experiments: Experiments) -> None:
    """What runs, or has not ended long enough ago, is there; what has is not."""
    header = history.header
    if not header.max_age_s and not header.max_stored_bytes:
        return
    for trust in trusts(history, experiments):
        _judge_haste(docket, trust)
        if header.max_age_s:
            _judge_delay(history, docket, trust)


def _judge_haste(docket: Docket, trust: Trust) -> None:
    for call in trust.questions:
        docket.occasion()
        if is_absent(call):
            docket.broken(
                f"{trust.what}, which its owner was told of {when(trust.known)}, was not there any"
                f" more {when(call)}, though it was not due to be removed",
                trust.known,
                call,
            )
            return


def _judge_delay(history: History, docket: Docket, trust: Trust) -> None:
    if trust.ended is None or trust.ended.completed_at is None:
        return
    due_at = trust.ended.completed_at + history.header.max_age_s
    for sighting in trust.sightings:
        asked_at = sighting.call.invoked_at
        if asked_at <= _noticed_by(history, due_at, asked_at):
            continue
        docket.occasion()
        if sighting.status:
            docket.broken(
                f"{trust.what}, which had ended {when(trust.ended)}, was to be removed"
                f" {at(due_at)}, but was still there {when(sighting.call)}",
                trust.ended,
                sighting.call,
            )
            return


def _noticed_by(history: History, due_at: float, asked_at: float) -> float:
    """Return by when what is due has gone, unless something came in between before it was asked."""
    hindered = [span.end for span in downtimes(history) if span.begin < asked_at]
    hindered += [
        asked_at if window.closed_at is None else window.closed_at
        for window in history.fault_windows
        if window.type in _REFUSALS and window.opened_at < asked_at
    ]
    slack_s = _SLACK_S + 2 * history.header.transit_s
    return max([due_at, *hindered]) + _LOOKS_EVERY_S + slack_s
