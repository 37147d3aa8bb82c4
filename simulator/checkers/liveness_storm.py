"""Nobody storms the Director: neither with heartbeats, nor with calls that bring nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from simulator.checkers.base import Checker, Docket, PromiseKind
from simulator.checkers.liveness_facts import Span, recovery
from simulator.history.calls import Call
from simulator.history.history import History


@dataclass(frozen=True, repr=False)
class NoStorm(Checker):
    """Nothing that the Director says makes its clients call in a hot loop."""

    guarantee: ClassVar[str] = "no-storm"
    promise: ClassVar[str] = (
        "Heartbeats stay below two a period per envoy; reconnects back off with jitter."
    )
    kind: ClassVar[PromiseKind] = PromiseKind.LIVENESS

    periods: int = 5
    """Heartbeats are counted over windows of so many, or of what a shorter recovery has."""
    fewest_periods: int = 3
    """Over less than that, one beat more or less would decide."""
    vain_calls: int = 20
    """So many calls of a kind that bring nothing, within `vain_s`, are a hot loop."""
    vain_s: float = 5

    def examine(self, history: History, docket: Docket) -> None:
        window = recovery(history)
        for actor in history.actors.values():
            if actor.kind != "envoy":
                continue
            if window is not None:
                self._count_heartbeats(history, docket, actor.name, window)
            self._count_vain_calls(history, docket, actor.name)

    def _count_heartbeats(self, history: History, docket: Docket, envoy: str, window: Span) -> None:
        period_s = history.header.heartbeat_period_s
        periods = min(self.periods, int((window.end - window.begin) / period_s))
        beats = _within(window, history.calls("UpdateEnvoyStatus", envoy))
        if periods < self.fewest_periods or not beats:
            return
        docket.occasion()
        # Whoever registers (again) starts a rhythm of its own.
        fresh = len(_within(window, history.calls("UpdateShardInfo", envoy)))
        crowd = _crowd(beats, 2 * periods + 2 * fresh, periods * period_s)
        if crowd is not None:
            docket.broken(
                f"{envoy} sent {len(crowd)} heartbeats within {periods * period_s:g} s from"
                f" {crowd[0].invoked_at:.1f} s; two a period would be {2 * periods}",
                crowd[0].invoke_index,
                crowd[-1].invoke_index,
            )

    def _count_vain_calls(self, history: History, docket: Docket, envoy: str) -> None:
        for topic in ("WaitExperiment", "GetExperimentData", "SetExperimentFailed", "GetTasks"):
            calls = history.calls(topic, envoy)
            if not calls:
                continue
            docket.occasion()
            crowd = _crowd(_in_vain(calls), self.vain_calls, self.vain_s)
            if crowd is not None:
                docket.broken(
                    f"{envoy} called {topic} {len(crowd)} times within {self.vain_s:g} s from"
                    f" {crowd[0].invoked_at:.1f} s, and got nothing by it"
                    f" ({_answer(crowd[-1])})",
                    crowd[0],
                    crowd[-1],
                )


def _within(window: Span, calls: Sequence[Call]) -> Sequence[Call]:
    return [call for call in calls if window.begin <= call.invoked_at <= window.end]


def _crowd(calls: Sequence[Call], most: int, span_s: float) -> Sequence[Call] | None:
    """Return the first calls, more than `most`, that began within so many seconds."""
    first = 0
    for last, call in enumerate(calls):
        while call.invoked_at - calls[first].invoked_at > span_s:
            first += 1
        if last - first + 1 > most:
            return calls[first : last + 1]
    return None


def _in_vain(calls: Sequence[Call]) -> Sequence[Call]:
    """Return the calls that brought their envoy nothing new that it could work on."""
    known: set[object] = set()
    found = []
    for call in calls:
        if call.topic == "GetTasks":
            brought = call.is_ok and bool(call.response.get("tasks"))
        else:
            # The same delivery, download or failure a second time is no progress.
            experiment = call.response.get("experiment") or call.request.get("experiment")
            brought = call.is_ok and bool(experiment) and experiment not in known
            known.add(experiment)
        if not brought and call.completed_at is not None:
            found.append(call)
    return found


def _answer(call: Call) -> str:
    return "answered OK" if call.is_ok else f"answered {call.code}"
