"""Rounds to wait in: who takes part, who was seen when, and what is decided then."""

from collections.abc import Mapping, Sequence

from director.core.attendance import Attendance, Verdict
from director.core.model import EnvoyName, Haste
from director.core.rules import Rules

A, B, C, D, E = (EnvoyName(name) for name in "abcde")
ALL = (A, B, C, D, E)
RULES = Rules(heartbeat_period_s=10, offline_grace_s=30, below_quorum_s=100)
"""A sign of life counts for 20 s; who is silent for 50 s is dead."""
DEAD_S = RULES.dead_after_s


def begun(
    collaborators: Sequence[EnvoyName] = ALL, *, rules: Rules = RULES, haste: Haste | None = None
) -> Attendance:
    """A run that was opened at 0."""
    return Attendance(rules, haste, collaborators, opened_at=0)


def seen(*names: EnvoyName, at: float) -> Mapping[EnvoyName, float]:
    return dict.fromkeys(names, at)


def judged(
    attendance: Attendance,
    now: float,
    *,
    reported: Sequence[EnvoyName] = (),
    roll: Mapping[EnvoyName, float] | None = None,
) -> Verdict:
    return attendance.judge(reported, {} if roll is None else roll, now)
