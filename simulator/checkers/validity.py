"""What makes a run mean something: otherwise it is inconclusive, and nothing has passed.

A finding here is never a breach, only a reason why the record proves too little.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from simulator.checkers.answers import is_answered, is_touched
from simulator.checkers.base import Checker, Docket, PromiseKind, at
from simulator.checkers.expect import Coverage, Expect
from simulator.checkers.liveness_calls import calm_window
from simulator.checkers.liveness_facts import RECOVERY, registered
from simulator.history.calls import OBSERVER, Call, FaultWindow
from simulator.history.fields import number, text
from simulator.history.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """A fault that a scenario asked for."""

    fault: str
    """Its id."""
    type: str
    """Such as "stream.corrupt"."""


@dataclass(frozen=True, repr=False)
class FaultsFired(Checker):
    """What was to go wrong did, and somebody felt it."""

    guarantee: ClassVar[str] = "faults-fired"
    promise: ClassVar[str] = "Every fault fired and touched at least one RPC."
    kind: ClassVar[PromiseKind] = PromiseKind.VALIDITY

    planned: tuple[PlannedFault, ...] = ()

    def examine(self, history: History, docket: Docket) -> None:
        touched = rpcs_touched(history)
        deadly = _deadly(history)
        windows: dict[str, FaultWindow] = {}
        for window in history.fault_windows:
            windows.setdefault(window.fault, window)
        names = dict.fromkeys([*(plan.fault for plan in self.planned), *windows])
        for fault in names:
            docket.occasion()
            if fault not in windows:
                docket.unsure(f"{fault} never fired")
            elif not touched.get(fault) and fault not in deadly:
                docket.unsure(
                    f"{fault} fired {at(windows[fault].opened_at)}, but touched no RPC",
                    windows[fault].open_index,
                )


def _deadly(history: History) -> Collection[str]:
    """Return the faults that killed somebody: that the dead make no calls is how it shows."""
    kills = [note for note in history.notes("fault.touch") if text(note.value, "mode") == "kill"]
    return dict.fromkeys(text(kill.value, "fault") for kill in kills)


def rpcs_touched(history: History) -> dict[str, int]:
    """Return how many RPCs each fault that fired laid hands on, by its id.

    What breaks actors, links or the Director, not messages, touches the calls of its targets.
    """
    calls: dict[str, set[int]] = {window.fault: set() for window in history.fault_windows}
    for note in history.notes("fault.touch"):
        if note.call >= 0:
            calls.setdefault(text(note.value, "fault"), set()).add(note.call)
    by_actor: dict[str, list[Call]] = {}
    for call in history.all_calls:
        by_actor.setdefault(call.actor, []).append(call)
    for window in [w for w in history.fault_windows if not calls[w.fault]]:
        targets = [by_actor.get(name, []) for name in window.targets if name in history.actors]
        for call in chain.from_iterable(targets) if targets else history.all_calls:
            if _meets(call, window):
                calls[window.fault].add(call.number)
    return {fault: len(numbers) for fault, numbers in calls.items()}


def _meets(call: Call, window: FaultWindow) -> bool:
    ended_at = float("inf") if call.completed_at is None else call.completed_at
    closed_at = float("inf") if window.closed_at is None else window.closed_at
    return call.invoked_at <= closed_at and ended_at >= window.opened_at


@dataclass(frozen=True, repr=False)
class Traffic(Checker):
    """The Director was asked often enough for its answers to mean something."""

    guarantee: ClassVar[str] = "traffic"
    promise: ClassVar[str] = "The minimum of traffic was reached."
    kind: ClassVar[PromiseKind] = PromiseKind.VALIDITY

    min_rpcs: int = 1

    def examine(self, history: History, docket: Docket) -> None:
        docket.occasion()
        made = len(history.all_calls)
        if made < self.min_rpcs:
            docket.unsure(f"only {made} RPCs were made, the scenario wants {self.min_rpcs}")
        elif all(call.actor == OBSERVER for call in history.all_calls):
            docket.unsure("nobody called the Director: the scenario needs envoys and frontends")


@dataclass(frozen=True, repr=False)
class CalmHealthy(Checker):
    """Before anything went wrong, all was well: what follows is the faults' doing."""

    guarantee: ClassVar[str] = "calm-healthy"
    promise: ClassVar[str] = "The calm phase was healthy."
    kind: ClassVar[PromiseKind] = PromiseKind.VALIDITY

    answered: float = 0.5
    """The least share of undisturbed calls that got an answer."""
    settle_periods: float = 2
    """What an envoy may take to register; who came later is not asked about."""

    def examine(self, history: History, docket: Docket) -> None:
        calm = calm_window(history)
        if calm is None:
            return
        docket.occasion()
        over = [
            call
            for call in history.all_calls
            if call.completed_at is not None
            and calm.begin <= call.invoked_at
            and call.completed_at <= calm.end
            and not is_touched(call)
            and _is_member(history, call.actor)
        ]
        good = [call for call in over if is_answered(call)]
        if len(good) < self.answered * len(over):
            silent = next(call for call in over if not is_answered(call))
            docket.unsure(
                f"of {len(over)} calls in the calm only {len(good)} were answered", silent
            )
        settled_s = self.settle_periods * history.header.heartbeat_period_s
        members = registered(history)
        for actor in history.actors.values():
            late = calm.end - actor.started_at < settled_s
            if actor.kind != "envoy" or late or _had_no_chance(history, actor.name, calm.end):
                continue
            if not _was_told(history, actor.name, calm.end):
                docket.unsure(
                    f"{actor.name} started {at(actor.started_at)} and had registered in vain by"
                    f" {calm.end:.1f} s" + ("" if actor.name in members else ", and ever after"),
                    actor.start_index,
                )
        for note in history.notes("envoy.dead"):
            if note.time < calm.end:
                docket.unsure(
                    f"{note.actor} died {at(note.time)}, before anything went wrong", note
                )


def _is_member(history: History, actor: str) -> bool:
    return actor in history.actors and history.actors[actor].kind != "attacker"


def _had_no_chance(history: History, envoy: str, by: float) -> bool:
    """Whether the weather laid hands on every try to register: it may do so for long, calmly."""
    tries = [call for call in history.calls("UpdateShardInfo", envoy) if call.invoked_at <= by]
    return bool(tries) and all(is_touched(call) for call in tries)


def _was_told(history: History, envoy: str, by: float) -> bool:
    """Whether a registration was answered, welcome or not."""
    return any(
        call.is_ok and call.completed_at is not None and call.completed_at <= by
        for call in history.calls("UpdateShardInfo", envoy)
    )


@dataclass(frozen=True, repr=False)
class Reached(Checker):
    """What the scenario is about did come to pass."""

    guarantee: ClassVar[str] = "reached"
    promise: ClassVar[str] = "The events that the scenario names were reached, and the recovery."
    kind: ClassVar[PromiseKind] = PromiseKind.VALIDITY

    events: tuple[str, ...] = ()

    def examine(self, history: History, docket: Docket) -> None:
        for event in self.events:
            docket.occasion()
            if not history.notes(event):
                docket.unsure(f"{event} never happened")
        docket.occasion()
        if not any(phase.name == RECOVERY for phase in history.phases):
            last = history.phases[-1].name if history.phases else "no phase"
            docket.unsure(f"the run came no further than {last}: there was no recovery")


@dataclass(frozen=True, repr=False)
class HarnessAwake(Checker):
    """The simulator itself was quick enough for its times to mean something."""

    guarantee: ClassVar[str] = "harness-awake"
    promise: ClassVar[str] = "The harness itself was not starved."
    kind: ClassVar[PromiseKind] = PromiseKind.VALIDITY

    most_s: float = 0.5
    """Later than this, what a client measures is its own machine."""

    def examine(self, history: History, docket: Docket) -> None:
        for note in history.notes("harness.lag"):
            docket.occasion()
            lag_s = number(note.value, "max_s")
            if lag_s > self.most_s:
                docket.unsure(
                    f"the simulator was up to {lag_s:.2f} s late: its machine was too busy", note
                )


def validity_checkers(
    coverage: Coverage, planned: Sequence[PlannedFault] = ()
) -> tuple[Checker, ...]:
    """Return what makes a run conclusive, by what a scenario asks for."""
    checkers: list[Checker] = [
        Traffic(min_rpcs=coverage.min_rpcs),
        CalmHealthy(),
        Reached(events=coverage.reached),
        HarnessAwake(),
    ]
    if coverage.every_fault_fires:
        checkers.insert(0, FaultsFired(planned=tuple(planned)))
    return tuple(checkers)


VALIDITY: tuple[Checker, ...] = validity_checkers(Expect().coverage)
"""What makes a run conclusive, where a scenario says nothing."""
