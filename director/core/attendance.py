"""Whom a round still waits for: everybody who lives, and the dead only until a quorum has reported.

A collaborator is dead once it has been offline for longer than the rules allow.  Where too few
live for a quorum, the round waits for them to come back, and in the end the run is given up.
A plan, or the operator, may set slow collaborators a term as well.
Nothing here keeps time: whoever asks says what time it is, and is told when to ask again.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from director.core.model import EnvoyName, Haste
from director.core.rules import Rules

Roll = Mapping[EnvoyName, float]
"""When each collaborator last gave a sign of life; whoever never did is not in it."""

_MOST_NAMES = 5


class Presence(Enum):
    """Whether a collaborator is there."""

    HERE = "here"
    OFFLINE = "offline"
    """Its signs of life have stopped, but it is waited for."""
    DEAD = "dead"
    """It is not waited for, once a quorum has reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepWaiting:
    """Nothing is to be done; ask again at `until`, or whenever somebody has reported."""

    until: float | None
    lacking: str = ""
    """What the round lacks, where it can only go on once somebody comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOn:
    """The round is to be closed, without those who have not reported."""

    without: tuple[EnvoyName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The run is to fail."""

    reason: str


Verdict = KeepWaiting | GoOn | GiveUp


class Attendance:
    """Keeps the roll of one run, round by round."""

    def __init__(
        self,
        rules: Rules,
        haste: Haste | None,
        collaborators: Sequence[EnvoyName],
        *,
        opened_at: float,
    ) -> None:
        self._rules = rules
        self.collaborators = tuple(collaborators)
        self._listens_since = opened_at
        self._round_began_at = opened_at
        self._work_began_at: float | None = None
        count = len(self.collaborators)
        quorum = rules.quorum.of(count)
        self._needed = quorum if haste is None else _needed(haste, count)
        """With fewer reports the round cannot close, however long it waits."""
        self._after_s = rules.straggler_cutoff_s if haste is None else haste.after_s
        # Whoever asks for so many does not want fewer because others have died.
        self._quorum = max(quorum, self._needed)
        self._awaited: dict[EnvoyName, None] = dict.fromkeys(self.collaborators)
        self._called_at: dict[EnvoyName, float] = {}

    # ------------------------------------------------------------ what happens

    def begin_round(self, now: float) -> None:
        """Start anew: everybody is waited for."""
        self._round_began_at = now
        self._work_began_at = None
        self._awaited = dict.fromkeys(self.collaborators)

    def note_absence(self, *, until: float, lasted_s: float) -> None:
        """Note that until now this Director was not there itself to hear of anybody."""
        self._listens_since = until
        if self._work_began_at is not None:
            self._work_began_at += lasted_s

    def note_call(self, collaborator: EnvoyName, now: float) -> None:
        """Note that somebody spoke to its aggregator: it lives, whether it is registered or not."""
        self._called_at[collaborator] = now

    def note_work(self, now: float) -> bool:
        """Note that a task was handed out; whether that begins a term."""
        if self._work_began_at is not None:
            return False
        self._work_began_at = now
        return bool(self._after_s)

    def note_report(self, collaborator: EnvoyName, reported: int, now: float) -> bool:
        """Note that somebody has reported everything; whether to ask for a verdict now.

        It is no more than a quick look, so that ten thousand reports do not cost ten thousand
        roll calls.
        """
        is_term_begun = self.note_work(now)
        self._awaited.pop(collaborator, None)
        return is_term_begun or not self._awaited or self._is_term_over(reported, now)

    # ------------------------------------------------------------ what is to be done

    def judge(self, reported: Collection[EnvoyName], roll: Roll, now: float) -> Verdict:
        """Say what the running round is to do, of which these have reported everything."""
        missing = tuple(name for name in self.collaborators if name not in reported)
        if not missing or self._is_term_over(len(reported), now):
            return GoOn(without=missing)
        deaths = {name: self._dies_at(self._heard_at(name, roll)) for name in missing}
        self._awaited = {name: None for name, at in deaths.items() if at > now}
        if not self._awaited and len(reported) >= self._quorum:
            return GoOn(without=missing)
        alarms = [deaths[name] for name in self._awaited]
        if self._after_s and self._work_began_at is not None:
            alarms.append(self._work_began_at + self._after_s)
        lacking = ""
        if len(reported) + len(self._awaited) < self._needed:
            dead = sorted((at, name) for name, at in deaths.items() if at <= now)
            lacking = self._lack([name for _, name in dead])
            # It was this one's death that left too few.
            lost_at, _ = dead[len(self.collaborators) - self._needed]
            give_up_at = max(lost_at, self._round_began_at) + self._rules.below_quorum_s
            if now >= give_up_at:
                return GiveUp(reason=f"{lacking}; nobody came back in time")
            alarms.append(give_up_at)
        return KeepWaiting(
            until=min((at for at in alarms if at > now), default=None), lacking=lacking
        )

    def presence(self, roll: Roll, now: float) -> Mapping[EnvoyName, Presence]:
        """Say of every collaborator whether it is there."""
        return {
            name: self._presence_of(self._heard_at(name, roll), now) for name in self.collaborators
        }

    # ------------------------------------------------------------ inside

    def _is_term_over(self, reported: int, now: float) -> bool:
        """Whether slow collaborators have had their time, and enough others have reported."""
        if self._after_s is None or reported < self._needed:
            return False
        began_at = now if self._work_began_at is None else self._work_began_at
        return now >= began_at + self._after_s

    def _heard_at(self, name: EnvoyName, roll: Roll) -> float:
        return max(roll.get(name, -math.inf), self._called_at.get(name, -math.inf))

    def _dies_at(self, heard_at: float) -> float:
        # A Director that was restarted, or away, knows nothing of what was before.
        return max(heard_at, self._listens_since) + self._rules.dead_after_s

    def _presence_of(self, heard_at: float, now: float) -> Presence:
        if now < heard_at + self._rules.valid_s:
            return Presence.HERE
        return Presence.OFFLINE if now < self._dies_at(heard_at) else Presence.DEAD

    def _lack(self, dead: Sequence[EnvoyName]) -> str:
        names = ", ".join(dead[:_MOST_NAMES])
        others = f" and {len(dead) - _MOST_NAMES} more" if len(dead) > _MOST_NAMES else ""
        return (
            f"below the quorum: a round needs {self._needed} of {len(self.collaborators)}"
            f" collaborators, and nothing is heard of {names}{others}"
        )


def _needed(haste: Haste, collaborators: int) -> int:
    share = math.ceil(round(haste.share * collaborators, 9))
    return min(max(share, haste.minimum), collaborators)
