"""What liveness is judged against: the recovery window, who lived when, and who was left in peace.

Facts read off the record; no promise is judged here.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulator.checkers.base import at
from simulator.history.calls import Call
from simulator.history.fields import flag
from simulator.history.history import History

RECOVERY = "recover"
"""The name of the phase in which every fault is off."""

DECEPTIONS = frozenset({"link.strand"})
"""Faults of which an actor is free as soon as they have begun: only the Director is not."""

_FATES = ("actor.start", "actor.resume", "actor.pause", "actor.kill", "actor.stop", "envoy.dead")
_STARTS = ("actor.start", "actor.resume")
SIGNS_OF_LIFE = (
    "UpdateEnvoyStatus",
    "UpdateShardInfo",
    "WaitExperiment",
    "GetTasks",
    "GetAggregatedTensor",
    "SendLocalTaskResults",
)
"""The calls by which a Director knows that an envoy lives."""


class Span(NamedTuple):
    """A stretch of the run's time, in seconds."""

    begin: float
    end: float

    def covers(self, begin: float, end: float) -> bool:
        """Whether all of the other stretch lies within it."""
        return self.begin <= begin and end <= self.end


def recovery(history: History) -> Span | None:
    """Return when liveness is judged; None where the run never came to it."""
    for phase in history.phases:
        if phase.name == RECOVERY:
            ended_at = history.ended_at if phase.ended_at is None else phase.ended_at
            return Span(phase.began_at, ended_at)
    return None


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same stretches in order, those that touch as one."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.begin <= found[-1].end:
            found[-1] = Span(found[-1].begin, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def lives(history: History) -> Mapping[str, Sequence[Span]]:
    """Return when each actor ran: started, and neither killed, paused, gone nor dead."""
    fates = sorted(
        (note for topic in _FATES for note in history.notes(topic)), key=lambda note: note.index
    )
    began: dict[str, float] = {}
    found: dict[str, list[Span]] = {name: [] for name in history.actors}
    for note in fates:
        if note.topic in _STARTS:
            began.setdefault(note.actor, note.time)
        elif note.actor in began:
            found.setdefault(note.actor, []).append(Span(began.pop(note.actor), note.time))
    for actor, begin in began.items():
        # Whoever still runs when the record ends may be counted on to have gone on.
        found.setdefault(actor, []).append(Span(begin, float("inf")))
    return found


def lived_through(spans: Sequence[Span], begin: float, end: float) -> bool:
    """Whether an actor ran all the time between two moments."""
    return any(span.covers(begin, end) for span in spans)


def registered(history: History) -> Mapping[str, Call]:
    """Return the envoys whose last answered registration was accepted, with that registration."""
    found: dict[str, Call] = {}
    for call in history.calls("UpdateShardInfo"):
        if call.actor not in history.actors or history.actors[call.actor].kind != "envoy":
            continue
        if call.is_ok and flag(call.response, "accepted"):
            found[call.actor] = call
        elif call.is_ok:
            found.pop(call.actor, None)
    return found


def downtimes(history: History) -> Sequence[Span]:
    """Return when the Director was down, from its end to its next start."""
    found: list[Span] = []
    for topic in ("director.stop", "director.kill"):
        for end in history.notes(topic):
            starts = history.notes("director.start")
            later = bisect_right([start.index for start in starts], end.index)
            up = starts[later].time if later < len(starts) else float("inf")
            found.append(Span(end.time, up))
    return merged(found)


@dataclass(frozen=True, slots=True)
class Peace:
    """When nothing was done to whom, as far as the record tells."""

    _general: Sequence[Span]
    _by_actor: Mapping[str, Sequence[Span]]
    _touched: frozenset[int]

    @classmethod
    def of(cls, history: History) -> "Peace":
        """Read when faults were open, and when the Director was down."""
        general = list(downtimes(history))
        by_actor: dict[str, list[Span]] = {}
        for window in history.fault_windows:
            end = float("inf") if window.closed_at is None else window.closed_at
            if window.type in DECEPTIONS:
                end = window.opened_at
            span = Span(window.opened_at, end)
            targets = tuple(name for name in window.targets if name in history.actors)
            for target in targets:
                by_actor.setdefault(target, []).append(span)
            # A fault that names no actor may have hit any of them.
            if not targets and not window.targets:
                general.append(span)
        return cls(
            _general=merged(general),
            _by_actor={actor: merged([*general, *spans]) for actor, spans in by_actor.items()},
            _touched=frozenset(note.call for note in history.notes("fault.touch")),
        )

    def disturbed_until(self, actor: str, begin: float, end: float) -> float | None:
        """Return when the last disturbance of a stretch ended; None where there was none."""
        spans = self._by_actor.get(actor, self._general)
        before = bisect_left(spans, end, key=lambda span: span.begin)
        if before and spans[before - 1].end > begin:
            return spans[before - 1].end
        return None

    def is_undisturbed(self, actor: str, begin: float, end: float) -> bool:
        """Whether no fault was open on an actor, and the Director was up."""
        return self.disturbed_until(actor, begin, end) is None

    def left_alone(self, call: Call, until: float) -> bool:
        """Whether nothing was done to a call, its caller or the Director while it went on."""
        return call.number not in self._touched and self.is_undisturbed(
            call.actor, call.invoked_at, until
        )

    def calm_stretch(self, actor: str, begin: float, length: float) -> Span:
        """Return the first stretch of that length from a moment on that nothing disturbs."""
        while (until := self.disturbed_until(actor, begin, begin + length)) is not None:
            begin = until
        return Span(begin, begin + length)


def last_sign(history: History, actor: str, until: float) -> str:
    """Tell the last that an envoy and the Director had to do with each other, for a finding."""
    latest: Call | None = None
    for topic in SIGNS_OF_LIFE:
        for call in reversed(history.calls(topic, actor)):
            if call.invoked_at <= until:
                if latest is None or call.invoke_index > latest.invoke_index:
                    latest = call
                break
    if latest is None:
        return "it never called"
    if latest.completed_at is None or latest.completed_at > until:
        return f"its last call was {latest.topic} {at(latest.invoked_at)}, still unanswered"
    answer = "OK" if latest.is_ok else latest.code or latest.kind.value
    return f"its last call was {latest.topic}, answered {answer} {at(latest.completed_at)}"


def open_faults(history: History, actor: str, moment: float) -> str:
    """Tell which faults were on an actor at a moment, for a finding; "" where none was."""
    names = [
        window.fault
        for window in history.fault_windows
        if window.opened_at <= moment
        and (window.closed_at is None or window.closed_at > moment)
        and (not window.targets or actor in window.targets)
    ]
    return f"; still open on it: {', '.join(names)}" if names else ""
