"""Requests are answered, work arrives at once, and speed comes back once the faults are off."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from simulator.checkers.answers import LONG, is_touched
from simulator.checkers.base import Checker, Docket, PromiseKind, at
from simulator.checkers.liveness_facts import Peace, Span, lived_through, lives, recovery
from simulator.checkers.liveness_stories import Story, stories
from simulator.checkers.slo import statistic
from simulator.history.calls import Call
from simulator.history.fields import text
from simulator.history.history import History

STREAMED = frozenset({*LONG, "SendLocalTaskResults"})
"""RPCs that are no short question with a short answer."""


@dataclass(frozen=True, repr=False)
class Answered(Checker):
    """A short question that nothing disturbed has its answer in time."""

    guarantee: ClassVar[str] = "answered"
    promise: ClassVar[str] = "Every request is answered by its deadline."
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    within_s: float = 10
    """What clients that have a deadline give a short question."""

    def examine(self, history: History, docket: Docket) -> None:
        alive, peace = lives(history), Peace.of(history)
        for call in history.all_calls:
            if call.topic in STREAMED:
                continue
            due = call.invoked_at + self.within_s
            until = due if call.completed_at is None else min(due, call.completed_at)
            if due > history.ended_at and call.completed_at is None:
                continue
            if not peace.left_alone(call, until):
                continue
            if not lived_through(alive.get(call.actor, ()), call.invoked_at, until):
                continue
            docket.occasion()
            if call.completed_at is None or call.completed_at > due:
                docket.broken(
                    f"{call.topic} of {call.actor} {at(call.invoked_at)} had no answer within"
                    f" {self.within_s:g} s, and nothing disturbed it",
                    call,
                )
            elif call.code == "DEADLINE_EXCEEDED":
                docket.broken(
                    f"{call.topic} of {call.actor} had no answer by its deadline"
                    f" {at(call.completed_at)}, and nothing disturbed it",
                    call,
                )


@dataclass(frozen=True, repr=False)
class Delivery(Checker):
    """An envoy that waits when its experiment is accepted is told of it at once."""

    guarantee: ClassVar[str] = "delivery"
    promise: ClassVar[str] = "A live, waiting collaborator gets its experiment promptly."
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    within_s: float = 0.5
    """Beside the time on the wire: milliseconds for the Director, the rest for a busy machine."""

    def examine(self, history: History, docket: Docket) -> None:
        alive, peace = lives(history), Peace.of(history)
        transit_s = history.header.transit_s
        for story in stories(history):
            due = story.accepted_at + transit_s + self.within_s
            if not story.accepted.is_ok or _is_over(story, due):
                continue
            # Accepted is not begun, where a review or the limit of running ones comes between.
            may_pend = history.header.may_queue and story.is_pending_after(story.accepted_at)
            if may_pend or due > history.ended_at:
                continue
            for envoy in story.collaborators:
                waits = _parked(history, envoy, story, transit_s)
                if not waits or not lived_through(alive.get(envoy, ()), waits[0].invoked_at, due):
                    continue
                if all(peace.left_alone(wait, due) for wait in waits):
                    _judge_waits(docket, story, waits, due, transit_s)


def _is_over(story: Story, moment: float) -> bool:
    ended = story.ended is not None and story.ended[0] <= moment
    return ended or (story.removed is not None and story.removed.invoked_at <= moment)


def _parked(history: History, envoy: str, story: Story, transit_s: float) -> Sequence[Call]:
    """Return the long polls that had surely arrived, and were open, when it was accepted."""
    waits = [
        call
        for call in history.calls("WaitExperiment", envoy)
        if call.invoked_at <= story.accepted_at
        and (call.completed_at is None or call.completed_at >= story.accepted.invoked_at)
    ]
    if any(_brought(wait) == story.name for wait in waits):
        return [wait for wait in waits if _brought(wait) == story.name]
    return [
        wait
        for wait in waits
        if wait.invoked_at + transit_s <= story.accepted_at
        # An answer that left before the acceptance could not speak of it.
        and (wait.completed_at is None or wait.completed_at - transit_s > story.accepted_at)
    ]


def _brought(wait: Call) -> str:
    return text(wait.response, "experiment") if wait.is_ok else ""


def _judge_waits(
    docket: Docket, story: Story, waits: Sequence[Call], due: float, transit_s: float
) -> None:
    answered = [wait for wait in waits if wait.completed_at is not None]
    # Another experiment, or a connection that broke: the envoy was not there for this one.
    if any(not wait.is_ok or _brought(wait) not in {"", story.name} for wait in answered):
        return
    docket.occasion()
    wait = waits[-1]
    told_at = min(
        (w.completed_at or 0.0 for w in answered if _brought(w) == story.name), default=None
    )
    if told_at is None:
        outcome = "was never answered" if wait.completed_at is None else "was answered empty-handed"
        docket.broken(
            f"{wait.actor} waited when {story.name} was accepted {at(story.accepted_at)}, and its"
            f" long poll {outcome}",
            story.accepted,
            wait,
        )
    elif told_at > due:
        docket.broken(
            f"{wait.actor} waited, but {story.name} reached it"
            f" {told_at - story.accepted_at:.1f} s after its acceptance"
            f" {at(story.accepted_at)} (a message takes at most {transit_s:g} s)",
            story.accepted,
            wait,
        )


@dataclass(frozen=True, repr=False)
class Throughput(Checker):
    """Once the faults are off, the same questions are asked as often and answered as fast."""

    guarantee: ClassVar[str] = "throughput"
    promise: ClassVar[str] = "Rate and p99 come back to what they were in the calm phase."
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    factor: float = 2
    """Slower than so many times the calm is not what it was."""
    slack_s: float = 0.05
    """What a machine that does other things may add to any answer."""
    samples: int = 20
    """From fewer, a p99 or a rate says nothing."""

    def examine(self, history: History, docket: Docket) -> None:
        window = recovery(history)
        calm = calm_window(history)
        if window is None or calm is None:
            return
        # The first half of the recovery is for recovering.
        late = Span((window.begin + window.end) / 2, window.end)
        by_topic: dict[str, tuple[list[Call], list[Call]]] = {}
        for call in history.all_calls:
            if call.is_ok and call.topic not in STREAMED and not is_touched(call):
                before, after = by_topic.setdefault(call.topic, ([], []))
                if calm.begin <= call.invoked_at < calm.end:
                    before.append(call)
                elif late.begin <= call.invoked_at < late.end:
                    after.append(call)
        for topic, (before, after) in by_topic.items():
            if len(before) >= self.samples and len(after) >= self.samples:
                self._judge_p99(docket, topic, before, after)
        before, after = by_topic.get("UpdateEnvoyStatus", ([], []))
        if len(before) >= self.samples:
            self._judge_rate(history, docket, (calm, before), (late, after))

    def _judge_p99(
        self, docket: Docket, topic: str, before: Sequence[Call], after: Sequence[Call]
    ) -> None:
        docket.occasion()
        was, now = (statistic("p99", map(_latency, calls)) for calls in (before, after))
        if now > self.factor * was + self.slack_s:
            docket.broken(
                f"p99 of {topic} was {1000 * was:.0f} ms in the calm and is {1000 * now:.0f} ms"
                " after the recovery",
                max(after, key=_latency),
            )

    def _judge_rate(
        self,
        history: History,
        docket: Docket,
        calm: tuple[Span, Sequence[Call]],
        late: tuple[Span, Sequence[Call]],
    ) -> None:
        alive = lives(history)
        envoys = [actor.name for actor in history.actors.values() if actor.kind == "envoy"]
        rates = []
        for span, calls in (calm, late):
            lived_s = sum(
                max(0.0, min(life.end, span.end) - max(life.begin, span.begin))
                for envoy in envoys
                for life in alive[envoy]
            )
            if not lived_s or lived_s / history.header.heartbeat_period_s < self.samples:
                return
            rates.append(len(calls) / lived_s)
        docket.occasion()
        was, now = rates
        if now * self.factor < was:
            docket.broken(
                f"a live envoy's heartbeats were answered {60 * was:.1f} times a minute in the"
                f" calm, and are {60 * now:.1f} times after the recovery",
                *(call.invoke_index for call in late[1][-1:]),
            )


def calm_window(history: History) -> Span | None:
    """Return the time before anything went wrong; None where a run begins with a fault.

    It is the first phase, cut off where the first fault opens or the Director goes down.
    """
    if not history.phases or history.phases[0].name == "recover":
        return None
    first = history.phases[0]
    ends = [history.ended_at if first.ended_at is None else first.ended_at]
    ends += [window.opened_at for window in history.fault_windows]
    for topic in ("director.kill", "director.stop"):
        ends += [note.time for note in history.notes(topic)]
    calm = Span(first.began_at, min(ends))
    return calm if calm.end > calm.begin else None


def _latency(call: Call) -> float:
    return 0.0 if call.completed_at is None else call.completed_at - call.invoked_at
