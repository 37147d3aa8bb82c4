"""To whom experiments are handed, and how often."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.checkers.answers import is_impostor
from simulator.checkers.archives import is_download
from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, Submission, sightings
from simulator.checkers.registry import registrations
from simulator.history.calls import Call
from simulator.history.fields import items, text, whole
from simulator.history.history import History

ENDED = frozenset({"finished", "failed", "rejected"})
"""Statuses after which nothing comes."""

_REFUSALS = frozenset({"storage.full", "storage.error"})
"""Faults that keep a Director from writing anything down."""

_TRIES_AGAIN_WITHIN_S = 60.0
"""So long may it take a Director to notice that it can again."""


def handouts(history: History) -> list[Call]:
    """Every WaitExperiment that was answered with an experiment, in the order of the answers."""
    found = [
        call
        for call in history.calls("WaitExperiment")
        if call.is_ok and text(call.response, "experiment")
    ]
    return sorted(found, key=lambda call: call.ended_index)


class OnlyTheChosenAreCalled(Checker):
    """Experiments are handed to their collaborators while they run, and to nobody else."""

    guarantee = "targeting"
    promise = (
        "WaitExperiment hands X to E, and X's aggregator gives E tasks, only if E is one of X's"
        " collaborators and X is accepted, not removed and not ended."
    )

    def examine(self, history: History, docket: Docket) -> None:
        experiments = Experiments(history)
        ends = _ends(history, experiments)
        for call in handouts(history):
            name, envoy = text(call.response, "experiment"), text(call.request, "name")
            what = f"experiment {name[:60]!r} was handed to {envoy} {when(call)}"
            docket.occasion()
            _judge_target(docket, call, what, experiments.submissions(name), ends)
        for call in history.calls("GetTasks"):
            if call.is_ok and items(call.response, "tasks"):
                name, envoy = text(call.request, "experiment"), text(call.request, "name")
                what = f"tasks of experiment {name[:60]!r} were given to {envoy} {when(call)}"
                docket.occasion()
                _judge_target(docket, call, what, experiments.submissions(name), ends)


def _judge_target(
    docket: Docket,
    call: Call,
    what: str,
    namesakes: Sequence[Submission],
    ends: dict[int, tuple[Call, str]],
) -> None:
    begun = [s for s in namesakes if s.call.invoke_index < call.ended_index]
    if not begun:
        docket.broken(f"{what}, though nobody had uploaded it", call)
        return
    meant = [s for s in begun if s.has(text(call.request, "name"))]
    if not meant:
        docket.broken(f"{what}, which is not one of its collaborators", begun[-1].call, call)
        return
    there = [s for s in meant if s.may_exist_during(call)]
    if not there:
        docket.broken(f"{what}, after its owner had removed it", meant[-1].call, call)
        return
    over = [ends.get(s.call.number) for s in there]
    for end in over:
        if end is None or end[0].ended_index > call.invoke_index:
            return
    last = over[-1]
    assert last is not None
    docket.broken(f"{what}, after it had {last[1]} {when(last[0])}", last[0], call)


def _ends(history: History, experiments: Experiments) -> dict[int, tuple[Call, str]]:
    """Return, by the number of the upload, what first shows that an experiment is over."""
    found: dict[int, tuple[Call, str]] = {}
    for sighting in sightings(history):
        if sighting.status not in ENDED:
            continue
        submission = experiments.only_candidate(sighting.name, sighting.call)
        if submission is not None:
            found.setdefault(submission.call.number, (sighting.call, f"ended as {sighting.status}"))
    for report, submission, kept_by in certain_failures(history, experiments):
        if kept_by > report.invoked_at:
            continue  # until it is kept, the experiment goes on
        known = found.get(submission.call.number)
        if known is None or known[0].ended_index > report.ended_index:
            end = (report, f"failed by the report of {text(report.request, 'name')}")
            found[submission.call.number] = end
    return found


class CertainFailure(NamedTuple):
    """A report after which an experiment is certainly over."""

    report: Call
    submission: Submission
    kept_by: float
    """Where the disk refused to keep it, the time until which the experiment may go on."""


def certain_failures(history: History, experiments: Experiments) -> list[CertainFailure]:
    """Return the reports after which an experiment is certainly over, in order.

    Its own envoy says so, in its own name, having been handed the experiment before: then it was
    running, or had ended already.
    """
    handed: dict[tuple[str, str], list[Call]] = {}
    for call in handouts(history):
        key = (text(call.request, "name"), text(call.response, "experiment"))
        handed.setdefault(key, []).append(call)
    found = []
    for report in history.calls("SetExperimentFailed"):
        name, envoy = text(report.request, "experiment"), text(report.request, "name")
        if not report.is_ok or not is_own_envoy(history, report):
            continue
        submission = experiments.only_candidate(name, report)
        if submission is None or not submission.has(envoy):
            continue
        # It may be told of an experiment before the owner is told that it was accepted.
        if any(
            handout.ended_index < report.invoke_index
            and experiments.only_candidate(name, handout) == submission
            for handout in handed.get((envoy, name), ())
        ):
            found.append(CertainFailure(report, submission, _kept_by(history, report)))
    return found


def _kept_by(history: History, report: Call) -> float:
    """Return by when a report that was answered is written down, too."""
    by = report.invoked_at
    for window in history.fault_windows:
        if window.type in _REFUSALS and window.opened_at <= report.invoked_at:
            healed_at = math.inf if window.closed_at is None else window.closed_at
            if report.invoked_at <= healed_at:
                by = max(by, healed_at + _TRIES_AGAIN_WITHIN_S)
    return by


def is_own_envoy(history: History, call: Call) -> bool:
    """Whether an envoy of the scenario calls in its own name, as the Director sees it, too."""
    name, actor = text(call.request, "name"), history.actors.get(call.actor)
    if actor is None or actor.kind != "envoy" or actor.identity != name:
        return False
    return call.identity in {name, "", "__default__"} and not is_impostor(history, call)


# ---------------------------------------------------------------- once


@dataclass(slots=True)
class _Downloads:
    """Downloads of one experiment by one envoy that came to their end, by their ends."""

    ends: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def before(self, index: int) -> Call | None:
        position = bisect_left(self.ends, index) - 1
        return None if position < 0 else self.calls[position]


class EveryExperimentComesOnce(Checker):
    """Who has fetched an experiment is not called for it again, unless it comes anew.

    A Director cannot see whether a download arrived whole.  So it may call again, after a heartbeat
    period's patience, an envoy that has never asked for tasks.
    """

    guarantee = "delivery-once"
    promise = (
        "An envoy gets each experiment once per connection epoch, and again only after it"
        " reconnects while the experiment is unfinished."
    )

    def examine(self, history: History, docket: Docket) -> None:
        renewals = _Renewals(history)
        downloads = _downloads(history)
        for call in handouts(history):
            docket.occasion()
            name, envoy = text(call.response, "experiment"), text(call.request, "name")
            of = downloads.get((call.actor, envoy, name))
            fetched = None if of is None else of.before(call.invoke_index)
            if fetched is None or renewals.may_lie_between(fetched, call):
                continue
            docket.broken(
                f"experiment {name[:60]!r} was handed to {envoy} again {when(call)}, which had"
                f" downloaded it {when(fetched)} on the same connection"
                f" ({history.epoch(call).connection}) and had not registered since",
                fetched,
                call,
            )


class _Renewals:
    """What gives an envoy the right to be handed an experiment again."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._experiments = Experiments(history)
        self._registrations = registrations(history)
        self._connections = _connections(history)
        self._joined = _joined(history)

    def may_lie_between(self, fetched: Call, call: Call) -> bool:
        """Whether another epoch, or another experiment of the name, may have begun."""
        history = self._history
        return (
            history.epoch(fetched) != history.epoch(call)
            or history.spans_a_restart(fetched.invoke_index, call.ended_index)
            or self._may_have_reconnected(call)
            or self._may_have_registered(fetched, call)
            or self._may_be_a_namesake(fetched, call)
            or self._may_seem_lost(fetched, call)
        )

    def _may_seem_lost(self, fetched: Call, call: Call) -> bool:
        assert fetched.completed_at is not None
        waited_s = (call.completed_at or call.invoked_at) - fetched.completed_at
        if waited_s < self._history.header.heartbeat_period_s:
            return False
        began = self._joined.get((fetched.actor, text(call.response, "experiment")), [])
        later = bisect_left(began, fetched.ended_index)
        return later == len(began) or began[later] > call.ended_index

    def _may_have_reconnected(self, call: Call) -> bool:
        # A call is numbered with the connection it found; only the next one tells if it made one.
        starts, connections = self._connections[call.actor]
        later = bisect_left(starts, call.ended_index)
        return later == len(starts) or connections[later] != self._history.epoch(call).connection

    def _may_have_registered(self, fetched: Call, call: Call) -> bool:
        known = self._registrations.get(text(call.request, "name"))
        return known is not None and any(
            registration.settled_index > fetched.invoke_index
            for registration in known.newest_first(call.ended_index)
        )

    def _may_be_a_namesake(self, fetched: Call, call: Call) -> bool:
        candidates = self._experiments.candidates(text(call.response, "experiment"), fetched)
        return not candidates or any(s.may_go_index < call.ended_index for s in candidates)


def _downloads(history: History) -> dict[tuple[str, str, str], _Downloads]:
    found: dict[tuple[str, str, str], _Downloads] = {}
    calls = [call for call in history.calls("GetExperimentData") if is_download(call)]
    for call in sorted(calls, key=lambda call: call.ended_index):
        key = (call.actor, text(call.request, "name"), text(call.request, "experiment"))
        of = found.setdefault(key, _Downloads())
        of.ends.append(call.ended_index)
        of.calls.append(call)
    return found


def _joined(history: History) -> dict[tuple[str, str], list[int]]:
    """Return, by actor and experiment, where it asked for tasks and was answered."""
    found: dict[tuple[str, str], list[int]] = {}
    for call in history.calls("GetTasks"):
        if call.is_ok:
            key = (call.actor, text(call.request, "experiment"))
            found.setdefault(key, []).append(call.invoke_index)
    return found


def _connections(history: History) -> dict[str, tuple[list[int], list[int]]]:
    """Return, by actor, where its calls began and which connection each found."""
    found: dict[str, tuple[list[int], list[int]]] = {}
    for call in history.all_calls:
        starts, connections = found.setdefault(call.actor, ([], []))
        starts.append(call.invoke_index)
        connections.append(whole(call.request, "connection", 0))
    return found
