"""What a history is read as: calls, faults that touched them, actors, phases and windows.

Values only; `history` puts them together from entries.
"""

import sys
from dataclasses import dataclass
from typing import NamedTuple

from simulator.history.entry import JsonObject, Kind
from simulator.history.fields import text

NEVER = sys.maxsize
"""An index after every entry."""
OBSERVER = "observer"
"""Who looks at the federation for the record, in every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A fault laid hands on a message of a call."""

    index: int
    time: float
    call: int
    fault: str
    """Its id in the scenario."""
    type: str
    """Such as "stream.corrupt"."""
    method: str
    direction: str
    """request or response."""
    mode: str
    """What was done to the message, in the fault's own words."""

    @property
    def doubles(self) -> bool:
        """Whether the message arrived twice."""
        return "duplicate" in self.mode or "duplicate" in self.type

    @property
    def swallows(self) -> bool:
        """Whether the message never arrived; a corrupted stream goes on without it."""
        return self.mode in {"drop", "loss"} and self.type != "stream.corrupt"


class Call(NamedTuple):
    """One operation: what was asked, and what came of it.

    A named tuple, because a long run has millions and these are made thrice as fast.
    """

    number: int
    actor: str
    topic: str
    request: JsonObject
    invoked_at: float
    completed_at: float | None
    """None: it was never completed."""
    kind: Kind
    """ok, fail or info; info where it was never completed."""
    response: JsonObject
    """The answer, or {"code", "details"} of an error; empty where it was never completed."""
    invoke_index: int
    complete_index: int | None
    touches: tuple[Touch, ...]

    @property
    def is_ok(self) -> bool:
        """Whether it certainly happened."""
        return self.kind is Kind.OK

    @property
    def code(self) -> str:
        """The error's status code; "" where there is none."""
        return "" if self.is_ok else text(self.response, "code", "")

    @property
    def details(self) -> str:
        """The error's text; "" where there is none."""
        return "" if self.is_ok else text(self.response, "details", "")

    @property
    def identity(self) -> str:
        """Under which name the Director saw it: common name or client_id; "" when none."""
        return text(self.request, "as", "")

    @property
    def evidence(self) -> tuple[int, ...]:
        """Where it stands in the record."""
        if self.complete_index is None:
            return (self.invoke_index,)
        return (self.invoke_index, self.complete_index)

    @property
    def ended_index(self) -> int:
        """Where its completion stands; after everything where it has none."""
        return NEVER if self.complete_index is None else self.complete_index

    @property
    def is_doubled(self) -> bool:
        """Whether a fault made it arrive twice, and the second may arrive at any time."""
        return any(touch.doubles for touch in self.touches)

    @property
    def is_swallowed(self) -> bool:
        """Whether a fault saw to it that the request never arrived, or not all of it."""
        return any(touch.swallows and touch.direction == "request" for touch in self.touches)

    @property
    def may_have_happened(self) -> bool:
        """Whether the Director may have done it."""
        return self.is_doubled or not (self.kind is Kind.FAIL or self.is_swallowed)

    @property
    def settled_index(self) -> int:
        """From where on it takes effect no more: what is unsure may happen at any later time."""
        if self.is_doubled:
            return NEVER
        if self.kind is not Kind.INFO:
            return self.ended_index
        # Where a fault got hold of the answer there was one, and what it tells of had happened.
        answers = [touch.index for touch in self.touches if touch.direction == "response"]
        return answers[0] if answers else NEVER

    def precedes(self, other: "Call") -> bool:
        """Whether it was over before the other began, in every way to see it."""
        return self.settled_index < other.invoke_index


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """An actor, as its first start introduced it."""

    name: str
    kind: str
    """envoy, frontend or attacker."""
    identity: str
    group: str
    started_at: float
    start_index: int
    about: JsonObject
    """Everything that the note said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A named stretch of the run."""

    name: str
    began_at: float
    ended_at: float | None
    """None: the record ends before it does."""
    begin_index: int
    end_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWindow:
    """A fault, from its opening to its healing."""

    fault: str
    type: str
    targets: tuple[str, ...]
    """Actors' names; empty where it hits no actor in particular."""
    opened_at: float
    closed_at: float | None
    """None: it never healed."""
    open_index: int
    close_index: int


class Epoch(NamedTuple):
    """What an envoy's deliveries are counted by."""

    connection: int
    registration: int
    """How many of its registrations were accepted before."""
    life: int
    """How many times the Director had gone down, or come up again, before."""
