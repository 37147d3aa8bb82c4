"""Accepted experiments end, their streams with them, and none holds up another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from simulator.checkers.base import Checker, Docket, PromiseKind, at
from simulator.checkers.liveness_ends import judge_end
from simulator.checkers.liveness_facts import Peace, Span, lived_through, lives, recovery
from simulator.checkers.liveness_quorums import collaborators_lived, enough_lived
from simulator.checkers.liveness_stories import Story, stories
from simulator.history.calls import Call
from simulator.history.fields import text
from simulator.history.history import History


@dataclass(frozen=True, repr=False)
class ExperimentsEnd(Checker):
    """What was accepted, and enough of whose collaborators live, is over before the run is."""

    guarantee: ClassVar[str] = "experiments-end"
    promise: ClassVar[str] = (
        "Every accepted experiment whose collaborators live, or a quorum of them does, ends."
    )
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    def examine(self, history: History, docket: Docket) -> None:
        window = recovery(history)
        if window is None:
            return
        alive = lives(history)
        for story in stories(history):
            if not story.is_gone and enough_lived(story, alive, window, history.header):
                judge_end(history, docket, story, window)


@dataclass(frozen=True, repr=False)
class NoBlocking(Checker):
    """Where a collaborator of one experiment is absent, the others end all the same."""

    guarantee: ClassVar[str] = "no-blocking"
    promise: ClassVar[str] = (
        "An absent or dead collaborator, or one slow experiment, does not hold up the others."
    )
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    patience_periods: float = 2
    at_least_s: float = 5
    """How long nothing may happen in an experiment whose collaborators are all free."""

    def examine(self, history: History, docket: Docket) -> None:
        window = recovery(history)
        if window is None:
            return
        alive = lives(history)
        told = stories(history)
        patience_s = max(self.patience_periods * history.header.heartbeat_period_s, self.at_least_s)
        absences = [absence for story in told for absence in _absences(story, alive, window.end)]
        for story in told:
            if story.is_gone:
                continue
            if not collaborators_lived(story, alive, story.accepted_at, window.end):
                continue
            beside = [absence for absence in absences if _overlap(absence, story)]
            if not beside:
                continue
            why = f"; {beside[0].story.name} stood beside it, whose {beside[0].who} was absent"
            judge_end(history, docket, story, window, why)
            for absence in beside:
                if _waited(story, absence, patience_s):
                    _tell_wait(docket, story, absence)
                    break


class _Absence(NamedTuple):
    """A time at which a collaborator of an experiment did not live."""

    story: Story
    who: str
    span: Span


def _absences(story: Story, alive: Mapping[str, Sequence[Span]], end: float) -> Sequence[_Absence]:
    """Return when collaborators of an experiment were away while it was to run."""
    ended = min(end, story.ended[0] if story.ended else end)
    found = []
    for name in story.collaborators:
        begin = story.accepted_at
        for life in alive.get(name, ()):
            if begin < min(life.begin, ended):
                found.append(_Absence(story, name, Span(begin, min(life.begin, ended))))
            begin = max(begin, life.end)
        if begin < ended:
            found.append(_Absence(story, name, Span(begin, ended)))
    return found


def _overlap(absence: _Absence, other: Story) -> bool:
    """Whether another experiment stood beside the one with the absent collaborator."""
    ended = other.ended[0] if other.ended else float("inf")
    is_beside = absence.span.begin < ended and other.accepted_at < absence.span.end
    return other is not absence.story and is_beside


def _waited(story: Story, absence: _Absence, patience_s: float) -> bool:
    """Whether an experiment that had everybody it needs to itself began only after a return."""
    if set(story.collaborators) & set(absence.story.collaborators):
        return False
    begin = max(story.accepted_at, absence.span.begin)
    first = min(story.moves, default=begin)
    return absence.span.end - begin >= patience_s and first >= absence.span.end


def _tell_wait(docket: Docket, story: Story, absence: _Absence) -> None:
    docket.broken(
        f"{story.name} did not begin until {absence.who} came back {at(absence.span.end)}, who"
        f" takes part in {absence.story.name} only",
        story.accepted,
        absence.story.accepted,
    )


@dataclass(frozen=True, repr=False)
class StreamsEnd(Checker):
    """Whoever follows the metrics of an experiment that is over is told so."""

    guarantee: ClassVar[str] = "streams-end"
    promise: ClassVar[str] = "GetMetricStream ends once its experiment has ended."
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    within_s: float = 2
    """Beside the time on the wire: for what is still to be sent."""

    def examine(self, history: History, docket: Docket) -> None:
        alive, peace = lives(history), Peace.of(history)
        told: dict[str, list[Story]] = {}
        for story in stories(history):
            told.setdefault(story.name, []).append(story)
        for call in history.calls("GetMetricStream"):
            followed = _followed(told.get(text(call.request, "experiment"), []), call)
            ended = None if followed is None else _read_end(followed)
            if ended is None:
                continue
            begin = max(ended, call.invoked_at)
            due = begin + history.header.transit_s + self.within_s
            until = due if call.completed_at is None else min(due, call.completed_at)
            if until > history.ended_at or not peace.left_alone(call, until):
                continue
            if not lived_through(alive.get(call.actor, ()), call.invoked_at, until):
                continue
            if call.completed_at is not None and call.completed_at <= due:
                # Hung up on, or broken: such a stream says nothing about its end.
                docket.occasion(int(call.is_ok))
                continue
            docket.occasion()
            docket.broken(
                f"{call.actor} still followed {text(call.request, 'experiment')} {at(due)},"
                f" which had ended {at(ended)}",
                call,
            )


def _followed(told: list[Story], call: Call) -> Story | None:
    """Return the experiment whose metrics its owner follows."""
    own = [
        story
        for story in told
        if (story.owner == call.actor or story.accepted.identity == call.identity != "")
        and story.accepted.invoke_index < call.invoke_index
    ]
    return own[-1] if own else None


def _read_end(story: Story) -> float | None:
    """Return when somebody read that it had ended; other signs of the end do not count here."""
    return next((r.time for r in story.readings if r.status in {"finished", "failed"}), None)
