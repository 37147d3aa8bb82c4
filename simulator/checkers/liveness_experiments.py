"""Accepted experiments end, their streams with them, and none holds up another."""

from dataclasses import dataclass
from typing import ClassVar

from simulator.checkers.base import Checker, Docket, PromiseKind, at
from simulator.checkers.liveness_facts import Peace, Span, lived_through, lives, recovery
from simulator.checkers.liveness_stories import (
    Story,
    collaborators_lived,
    judge_end,
    stories,
)
from simulator.history.calls import Call
from simulator.history.fields import text
from simulator.history.history import History


@dataclass(frozen=True, repr=False)
class ExperimentsEnd(Checker):
    """What was accepted, and whose collaborators live, is over before the run is."""

    guarantee: ClassVar[str] = "experiments-end"
    promise: ClassVar[str] = "Every accepted experiment whose collaborators live ends."
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    def examine(self, history: History, docket: Docket) -> None:
        window = recovery(history)
        if window is None:
            return
        alive = lives(history)
        for story in stories(history):
            if not story.is_gone and collaborators_lived(story, alive, window.begin, window.end):
                judge_end(history, docket, story, window, "")


@dataclass(frozen=True, repr=False)
class NoBlocking(Checker):
    """Where a collaborator of one experiment is absent, the others end all the same."""

    guarantee: ClassVar[str] = "no-blocking"
    promise: ClassVar[str] = (
        "An absent or dead collaborator, or one slow experiment, does not hold up the others."
    )
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    def examine(self, history: History, docket: Docket) -> None:
        window = recovery(history)
        if window is None:
            return
        alive = lives(history)
        told = stories(history)
        lame = [
            (story, absent)
            for story in told
            if (
                absent := next(
                    (
                        name
                        for name in story.collaborators
                        if not lived_through(alive.get(name, ()), window.begin, window.end)
                    ),
                    None,
                )
            )
        ]
        for story in told:
            if story.is_gone:
                continue
            if not collaborators_lived(story, alive, window.begin, window.end):
                continue
            beside = next((pair for pair in lame if _overlap(pair[0], story)), None)
            if beside is not None:
                because = f"; {beside[0].name} stood beside it, whose {beside[1]} was absent"
                judge_end(history, docket, story, window, because)


def _overlap(one: Story, other: Story) -> bool:
    """Whether both were accepted and unended at some time."""
    return _span(one).begin < _span(other).end and _span(other).begin < _span(one).end


def _span(story: Story) -> Span:
    return Span(story.accepted_at, story.ended[0] if story.ended else float("inf"))


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
