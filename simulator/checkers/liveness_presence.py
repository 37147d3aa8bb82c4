"""Envoys come online once the faults are off, and come back after the Director did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from simulator.checkers.base import Checker, Docket, PromiseKind, at, when
from simulator.checkers.liveness_facts import (
    SIGNS_OF_LIFE,
    Peace,
    Span,
    last_sign,
    lived_through,
    lives,
    open_faults,
    recovery,
    registered,
)
from simulator.checkers.liveness_quorums import collaborators_lived
from simulator.checkers.liveness_stories import Story, stories
from simulator.history.calls import Call
from simulator.history.entry import Entry
from simulator.history.fields import flag, tables, text
from simulator.history.history import History


@dataclass(frozen=True, repr=False)
class AllOnline(Checker):
    """Once the faults are off, the listing shows every live envoy online, and soon."""

    guarantee: ClassVar[str] = "all-online"
    promise: ClassVar[str] = "Every live envoy is online within a few periods."
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    within_s: float | None = None
    """From the start of the recovery; `periods` heartbeat periods where None."""
    periods: float = 4

    def examine(self, history: History, docket: Docket) -> None:
        window = recovery(history)
        if window is None:
            return
        within_s = self.within_s or self.periods * history.header.heartbeat_period_s
        alive, peace, listings = lives(history), Peace.of(history), _listings(history)
        members = registered(history)
        for actor in history.actors.values():
            spans = alive[actor.name]
            begun = max((span.begin for span in spans if span.begin < window.end), default=None)
            if actor.kind != "envoy" or begun is None:
                continue
            calm = peace.calm_stretch(actor.name, max(begun, window.begin), within_s)
            if calm.begin >= window.end or not lived_through(spans, calm.begin, window.end):
                continue
            if actor.name in members or not _was_turned_away(history, actor.name):
                seen = [listing for listing in listings if listing.call.invoked_at >= calm.begin]
                self._judge(history, docket, actor.name, calm, seen)

    def _judge(
        self,
        history: History,
        docket: Docket,
        envoy: str,
        calm: Span,
        seen: "Sequence[_Listing]",
    ) -> None:
        docket.occasion()
        shown = [envoy in listing.online for listing in seen]
        first = shown.index(True) if True in shown else len(seen)
        in_time = not any(listing.call.invoked_at >= calm.end for listing in seen[:first])
        if seen and shown[-1] and in_time:
            return
        why = last_sign(history, envoy, calm.end) + open_faults(history, envoy, calm.end)
        if not seen:
            docket.unsure(f"nobody listed the envoys after {calm.begin:.1f} s; of {envoy}: {why}")
            return
        last = seen[-1].call
        if not shown[-1] and last.invoked_at < calm.end:
            docket.unsure(
                f"{envoy} was not online {when(last)}, and nobody looked after {calm.end:.1f} s,"
                f" when it had to be; {why}",
                last,
            )
        elif not shown[-1]:
            docket.broken(f"{envoy} was not online {when(last)}; {why}", last)
        else:
            docket.broken(
                f"{envoy} came online only {when(seen[first].call)}, due {at(calm.end)}; {why}",
                seen[first - 1].call,
                seen[first].call,
            )


class _Listing(NamedTuple):
    """An answer of GetEnvoys, and whom it shows online."""

    call: Call
    online: frozenset[str]


def _listings(history: History) -> Sequence[_Listing]:
    return [
        _Listing(
            call,
            frozenset(
                text(row, "name") for row in tables(call.response, "envoys") if flag(row, "online")
            ),
        )
        for call in history.calls("GetEnvoys")
        if call.is_ok
    ]


def _was_turned_away(history: History, envoy: str) -> bool:
    """Whether the Director told an envoy that its shard does not belong here."""
    return any(call.is_ok for call in history.calls("UpdateShardInfo", envoy))


@dataclass(frozen=True, repr=False)
class Comeback(Checker):
    """A Director that was down gets its envoys back, and goes on with what was running."""

    guarantee: ClassVar[str] = "comeback"
    promise: ClassVar[str] = (
        "After a Director restart all envoys come back and running experiments go on."
    )
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    periods: float = 4
    at_least_s: float = 30
    """What an envoy with a long back-off needs where periods are short."""

    def examine(self, history: History, docket: Docket) -> None:
        window = recovery(history)
        facts = _Facts(
            history=history,
            alive=lives(history),
            peace=Peace.of(history),
            # Actors leave at the end of the recovery, or of the record.
            until=history.ended_at if window is None else window.end,
            within_s=max(self.periods * history.header.heartbeat_period_s, self.at_least_s),
        )
        told = stories(history)
        for start in _restarts(history):
            for envoy in registered(history):
                if _was_member(history, envoy, start):
                    _judge_envoy(docket, envoy, start, facts)
            for story in told:
                _judge_story(docket, story, start, facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    history: History
    alive: Mapping[str, Sequence[Span]]
    peace: Peace
    until: float
    within_s: float


def _judge_envoy(docket: Docket, envoy: str, start: Entry, facts: _Facts) -> None:
    calm = facts.peace.calm_stretch(envoy, start.time, facts.within_s)
    until = min(calm.end, facts.until)
    if calm.begin >= until or not lived_through(facts.alive[envoy], start.time, until):
        return
    docket.occasion()
    back = (
        call.completed_at
        for topic in SIGNS_OF_LIFE
        for call in facts.history.calls(topic, envoy)
        if call.is_ok and call.invoke_index > start.index and call.completed_at is not None
    )
    if min(back, default=float("inf")) <= calm.end:
        return
    why = last_sign(facts.history, envoy, until)
    if until < calm.end:
        docket.unsure(f"{envoy} had not come back when the run was over; {why}", start)
    else:
        docket.broken(
            f"{envoy} did not come back within {calm.end - start.time:.0f} s of the Director's"
            f" start {at(start.time)}; {why}",
            start,
        )


def _judge_story(docket: Docket, story: Story, start: Entry, facts: _Facts) -> None:
    ended_at = story.ended[0] if story.ended else float("inf")
    if story.accepted_at > start.time or ended_at < start.time or story.is_gone:
        return
    if not collaborators_lived(story, facts.alive, start.time, facts.until):
        return
    # What hung before the Director went down does not hang because of it.
    was_stuck = start.time - story.moved_at > facts.within_s
    if was_stuck and story.ended is None:
        return
    docket.occasion()
    if story.ended is not None or story.moved_at > start.time or story.is_training:
        return
    said = f"{story.name} was running when the Director went down, and got no further"
    if facts.until - start.time < facts.within_s:
        docket.unsure(f"{said}, but the run was over soon after", story.accepted, start)
    else:
        docket.broken(f"{said} after its start {at(start.time)}", story.accepted, start)


def _restarts(history: History) -> Sequence[Entry]:
    downs = [*history.notes("director.stop"), *history.notes("director.kill")]
    if not downs:
        return ()
    first = min(down.index for down in downs)
    return [start for start in history.notes("director.start") if start.index > first]


def _was_member(history: History, envoy: str, start: Entry) -> bool:
    return any(
        call.is_ok and flag(call.response, "accepted") and call.ended_index < start.index
        for call in history.calls("UpdateShardInfo", envoy)
    )
