"""What each envoy went through: online and off, downloads, trainings, deaths; the Director's too.

Stretches and marks on a line of time, for pictures and tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.checkers import liveness_facts
from simulator.history.calls import Call
from simulator.history.entry import Entry
from simulator.history.fields import flag, tables, text
from simulator.history.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time, and what it was about."""

    begin_s: float
    end_s: float
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A moment, and what happened."""

    time_s: float
    topic: str
    """The note's topic, such as "actor.kill"."""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyLine:
    """One envoy, from its coming on."""

    name: str
    group: str
    started_s: float
    online: tuple[Span, ...]
    offline: tuple[Span, ...]
    """As listings showed it; in between and before nobody looked."""
    is_online: bool | None
    """By the last listing of the run; None where it was never listed."""
    downloads: tuple[Span, ...]
    trainings: tuple[Span, ...]
    away: tuple[Span, ...]
    """Killed, paused or gone."""
    marks: tuple[Mark, ...]
    heartbeats: int
    """Answered OK."""
    results: int
    """Task results that were taken."""


_MARKED = (
    "actor.start",
    "actor.kill",
    "actor.pause",
    "actor.resume",
    "envoy.registered",
    "envoy.reregistered",
    "envoy.dead",
)


def downtimes(history: History) -> tuple[Span, ...]:
    """Return when the Director was down."""
    return tuple(
        Span(begin_s=down.begin, end_s=min(down.end, history.ended_at))
        for down in liveness_facts.downtimes(history)
    )


def envoy_lines(history: History) -> tuple[EnvoyLine, ...]:
    """Return every envoy, in the order of their coming."""
    presence = _presence(history)
    window = liveness_facts.recovery(history)
    # Afterwards all leave, which is no part of anybody's story.
    until_s = history.ended_at if window is None else window.end
    alive = liveness_facts.lives(history)
    lines = []
    for actor in history.actors.values():
        if actor.kind != "envoy":
            continue
        name = actor.name
        sights = presence.get(name, [])
        marks = sorted(
            (note for topic in _MARKED for note in history.notes(topic, name)),
            key=lambda note: note.index,
        )
        lines.append(
            EnvoyLine(
                name=name,
                group=actor.group,
                started_s=actor.started_at,
                online=_stretches(sights, shown=True),
                offline=_stretches(sights, shown=False),
                is_online=sights[-1][1] if sights else None,
                downloads=_downloads(history, name),
                trainings=_trainings(history, name),
                away=_gaps(alive[name], until_s),
                marks=tuple(_mark(note) for note in marks),
                heartbeats=_count_ok(history.calls("UpdateEnvoyStatus", name)),
                results=_count_ok(history.calls("SendLocalTaskResults", name)),
            )
        )
    return tuple(lines)


def _count_ok(calls: Sequence[Call]) -> int:
    return sum(call.is_ok for call in calls)


def _mark(note: Entry) -> Mark:
    why = note.value.get("why")
    return Mark(time_s=note.time, topic=note.topic, label=why if isinstance(why, str) else "")


def _presence(history: History) -> Mapping[str, list[tuple[float, bool]]]:
    """Return when each envoy was listed, and how."""
    found: dict[str, list[tuple[float, bool]]] = {}
    for call in history.calls("GetEnvoys"):
        if not call.is_ok or call.completed_at is None:
            continue
        for row in tables(call.response, "envoys"):
            sight = (call.completed_at, flag(row, "online"))
            found.setdefault(text(row, "name"), []).append(sight)
    return found


def _stretches(sights: Sequence[tuple[float, bool]], *, shown: bool) -> tuple[Span, ...]:
    """Return from which listing to which other an envoy was shown that way."""
    found: list[Span] = []
    begin_s: float | None = None
    for time_s, online in sorted(sights):
        if online == shown and begin_s is None:
            begin_s = time_s
        elif online != shown and begin_s is not None:
            found.append(Span(begin_s=begin_s, end_s=time_s))
            begin_s = None
    if begin_s is not None:
        found.append(Span(begin_s=begin_s, end_s=max(time_s for time_s, _ in sights)))
    return tuple(found)


def _downloads(history: History, envoy: str) -> tuple[Span, ...]:
    return tuple(
        Span(
            begin_s=call.invoked_at,
            end_s=history.ended_at if call.completed_at is None else call.completed_at,
            label=text(call.request, "experiment"),
        )
        for call in history.calls("GetExperimentData", envoy)
    )


def _trainings(history: History, envoy: str) -> tuple[Span, ...]:
    notes = sorted(
        (
            *history.notes("training.started", envoy),
            *history.notes("training.done", envoy),
            *history.notes("actor.kill", envoy),
        ),
        key=lambda note: note.index,
    )
    found: list[Span] = []
    begun: Entry | None = None
    for note in notes:
        if begun is not None:
            label = text(begun.value, "experiment")
            found.append(Span(begin_s=begun.time, end_s=note.time, label=label))
        begun = note if note.topic == "training.started" else None
    if begun is not None:
        label = text(begun.value, "experiment")
        found.append(Span(begin_s=begun.time, end_s=history.ended_at, label=label))
    return tuple(found)


def _gaps(alive: Sequence[liveness_facts.Span], end_s: float) -> tuple[Span, ...]:
    """Return when an envoy was away, between its lives and after the last."""
    begins = [*(life.begin for life in alive[1:]), end_s]
    return tuple(
        Span(begin_s=life.end, end_s=begin_s)
        for life, begin_s in zip(alive, begins, strict=False)
        if life.end < begin_s
    )
