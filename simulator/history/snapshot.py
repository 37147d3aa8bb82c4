"""A run at one moment, for people who watch it go.

A value between the engine, which knows, and the display, which shows; no part of the record.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentProgress:
    """How far an experiment has come."""

    name: str
    status: str
    round: int
    """Which one runs, from 1; 0 before the first."""
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the live display shows."""

    now_s: float
    """On the clock of the run."""
    until_s: float
    """When the run is planned to be over, on the same clock."""
    wall_s: float
    """Real seconds since the run began."""
    phase: str
    rpcs: int
    """Operations begun so far."""
    envoys_online: int
    envoys_total: int
    faults_open: tuple[str, ...] = ()
    experiments: tuple[ExperimentProgress, ...] = ()
