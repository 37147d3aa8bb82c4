"""What a history is made of: one entry per thing that happened, in order.

An operation has two entries, `invoke` and its completion; everything else is a note.
Values are JSON, so that a history can be read by anything and judged again later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = Mapping[str, Json]


class Kind(StrEnum):
    """What an entry says of its operation."""

    INVOKE = "invoke"
    OK = "ok"
    """It happened, and this is the answer."""
    FAIL = "fail"
    """It certainly did not happen: the Director refused it."""
    INFO = "info"
    """It may have happened: deadline, UNAVAILABLE, cancelled, or the caller was killed."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the record; time in seconds since the start of the run."""

    index: int
    time: float
    kind: Kind
    actor: str
    """Who did it; "" for the run itself."""
    topic: str
    """An operation's RPC name, or what a note is about."""
    call: int
    """Pairs an invoke with its completion; -1 for notes that belong to no call."""
    value: JsonObject
    """The request, the answer, {"code", "details"} of an error, or a note's content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What must be known to judge a record."""

    scenario: str
    seed: int
    case: JsonObject
    world: str
    """virtual or wire."""
    identity: str
    """plaintext or mtls."""
    epoch: float
    """Wall-clock seconds since 1970 at time 0."""
    heartbeat_period_s: float
    transit_s: float
    """The longest that a message may take between actor and Director while no fault is open."""
    sample_shape: tuple[str, ...]
    target_shape: tuple[str, ...]
    may_queue: bool = True
    """Whether there is a reason to keep an accepted experiment pending: a review, or a limit."""
    quorum: str = "all"
    """How many have to report for a round to go on without the dead: `majority`, `all`, 3, 60%."""
    dead_after_s: float = 0.0
    """After so much silence a collaborator is dead; 0: never, and rounds wait for it."""
    waits_for_slow: bool = True
    """Whether rounds wait for every collaborator that lives, however slow it is."""
    max_age_s: float = 0.0
    """So long after its end an experiment is removed; 0: it stays until its owner removes it."""
    max_stored_bytes: int = 0
    """While more is stored, what ended first is removed; 0: it does not matter."""
    version: int = 1
