"""Calls the roll of every run: closes rounds that need not wait any longer, and gives runs up.

The core says when to ask it again; until then it is asked where somebody has reported, and twice in
a heartbeat's period: an alarm that rings late tells that the Director itself was not there.  Its
process was stopped, its machine asleep, or the clock put forward.  What the living said meanwhile
is still to be read then, and nobody must be taken for dead because of it.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import assert_never

from director.clock import Clock
from director.core.attendance import GiveUp, GoOn, KeepWaiting, Presence, Roll, Verdict
from director.core.federation import Federation
from director.core.model import EnvoyName
from director.shell.logbook import mark, note
from director.shell.openings import OpenRun
from director.shell.run import Run

# Two clocks, of the day and of the loop, do not agree to the last digit: a hair later is on time.
_HAIR_S = 0.001


class RollCalls:
    """Brings together what the registry, the clock and a run's attendance know."""

    def __init__(
        self,
        federation: Federation,
        clock: Clock,
        *,
        close: Callable[[Run], None],
        give_up: Callable[[Run, str], None],
    ) -> None:
        self._registry = federation.registry
        self._patience_s = federation.rules.heartbeat_period_s / 2
        self._clock = clock
        self._close = close
        self._give_up = give_up

    # ------------------------------------------------------------ what happens to a run

    def begin(self, run: Run) -> None:
        """Begin a run's first round here, or its next one."""
        if run.open is not None:
            run.open.attendance.begin_round(self._clock.now())
            self.call(run)

    def note_call(self, opened: OpenRun, collaborator: EnvoyName) -> None:
        """Take in a sign of life."""
        opened.attendance.note_call(collaborator, self._clock.now())

    def note_work(self, run: Run, opened: OpenRun) -> None:
        """Take in that tasks were handed out."""
        if opened.attendance.note_work(self._clock.now()):
            self.call(run)

    def note_report(self, run: Run, opened: OpenRun, collaborator: EnvoyName) -> None:
        """Take in a result; it may have been its sender's last of the round."""
        reported = opened.aggregation.reported
        if collaborator not in reported:
            return
        now = self._clock.now()
        if opened.attendance.note_report(collaborator, len(reported), now):
            self.call(run)

    # ------------------------------------------------------------ what follows

    def call(self, run: Run) -> None:
        """Ask the core what is to be done, and do it or have the alarm set."""
        opened = run.open
        if opened is None or run.closing is not None or run.is_given_up:
            return
        if opened.aggregation.is_over:
            return
        now = self._clock.now()
        self._note_absence(run, opened, now)
        run.silence()
        verdict = self._judge(opened, now)
        match verdict:
            case KeepWaiting():
                self._set_alarm(run, verdict.until, now)
            case GoOn():
                if verdict.without:
                    names = ", ".join(verdict.without)
                    number = opened.aggregation.round + 1
                    note("round %d goes on without %s", number, names, experiment=run.order.name)
                self._close(run)
            case GiveUp():
                run.is_given_up = True
                self._give_up(run, verdict.reason)
            case _:
                assert_never(verdict)

    def _note_absence(self, run: Run, opened: OpenRun, now: float) -> None:
        late_s = 0.0 if run.rings_at is None else now - run.rings_at
        if late_s > self._patience_s:
            opened.attendance.note_absence(until=now, lasted_s=late_s)
            note(
                "this Director was away for %.0f s: nobody is taken for dead because of it",
                late_s,
                experiment=run.order.name,
            )

    def _set_alarm(self, run: Run, until: float | None, now: float) -> None:
        latest = now + self._patience_s
        run.rings_at = latest if until is None else min(max(until, now), latest)
        delay_s = run.rings_at - now + _HAIR_S
        run.alarm = asyncio.get_running_loop().call_later(delay_s, self._ring, run)

    def _ring(self, run: Run) -> None:
        # What follows is nobody's request, although one of them had the alarm set.
        mark(caller="", experiment=run.order.name)
        self.call(run)

    def _judge(self, opened: OpenRun, now: float) -> Verdict:
        reported = opened.aggregation.reported
        return opened.attendance.judge(reported, self._roll(opened), now)

    # ------------------------------------------------------------ what can be read

    def presence(self, opened: OpenRun) -> Mapping[EnvoyName, Presence]:
        """Whether each of a run's collaborators is there."""
        return opened.attendance.presence(self._roll(opened), self._clock.now())

    def lacking(self, opened: OpenRun) -> str:
        """What a run lacks, where it can only go on once somebody comes back."""
        if opened.aggregation.is_over:
            return ""
        verdict = self._judge(opened, self._clock.now())
        return verdict.lacking if isinstance(verdict, KeepWaiting) else ""

    def _roll(self, opened: OpenRun) -> Roll:
        found = map(self._registry.find, opened.attendance.collaborators)
        return {envoy.name: envoy.seen_at for envoy in found if envoy is not None}
