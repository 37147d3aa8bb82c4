"""What a checker is: a promise, and the evidence against it.

A checker is a pure function of a history.  It claims INVALID only where nothing that could have
happened explains the record, and UNKNOWN where the record lacks what the promise needs.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from simulator.history.calls import Call
from simulator.history.entry import Entry
from simulator.history.history import History

MOST_FINDINGS = 50
"""More of one kind than anybody reads; the rest is counted."""


class Validity(StrEnum):
    """What can be said of a promise."""

    VALID = "valid"
    UNKNOWN = "unknown"
    """The record cannot tell."""
    INVALID = "invalid"
    """It was broken."""


class PromiseKind(StrEnum):
    """In which order promises are judged, and what their breach means."""

    VALIDITY = "validity"
    """Otherwise the run proves nothing."""
    SAFETY = "safety"
    """Never broken, whatever the faults."""
    LIVENESS = "liveness"
    """Kept once the faults are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that speaks against a promise, told for people, with its place in the record."""

    guarantee: str
    validity: Validity
    message: str
    evidence: tuple[int, ...]
    """Indexes of entries, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What came of looking at one promise."""

    guarantee: str
    occasions: int
    """How often the promise could have been broken; 0: it was not exercised."""
    findings: tuple[Finding, ...] = ()
    """The broken first, each kind in the order of the record."""
    omitted: int = 0
    """How many more findings there were than anybody reads."""

    @property
    def validity(self) -> Validity:
        """INVALID if anything is, else UNKNOWN if anything is, else VALID."""
        found = {finding.validity for finding in self.findings}
        for validity in (Validity.INVALID, Validity.UNKNOWN):
            if validity in found:
                return validity
        return Validity.VALID


Evidence = Call | Entry | int
"""What a finding points at."""


@dataclass(slots=True)
class Docket:
    """Where a checker writes down what it looked at and what it found."""

    guarantee: str
    occasions: int = 0
    _broken: list[Finding] = field(default_factory=list)
    _unsure: list[Finding] = field(default_factory=list)
    _omitted: int = 0

    def occasion(self, count: int = 1) -> None:
        """Count how often the promise could have been broken."""
        self.occasions += count

    def broken(self, message: str, *evidence: Evidence) -> None:
        """Write down a breach that nothing explains."""
        self._add(self._broken, Validity.INVALID, message, evidence)

    def unsure(self, message: str, *evidence: Evidence) -> None:
        """Write down that the record cannot tell."""
        self._add(self._unsure, Validity.UNKNOWN, message, evidence)

    def close(self) -> Judgement:
        """Return the judgement; occasions are at least as many as findings."""
        findings = (*self._broken, *self._unsure)
        return Judgement(
            guarantee=self.guarantee,
            occasions=max(self.occasions, len(findings)),
            findings=findings,
            omitted=self._omitted,
        )

    def _add(
        self,
        findings: list[Finding],
        validity: Validity,
        message: str,
        evidence: tuple[Evidence, ...],
    ) -> None:
        if len(findings) >= MOST_FINDINGS:
            self._omitted += 1
            return
        findings.append(
            Finding(
                guarantee=self.guarantee,
                validity=validity,
                message=message,
                evidence=indexes(*evidence),
            )
        )


class Checker(ABC):
    """Judges one promise; has no state, so that one instance judges any number of histories."""

    guarantee: ClassVar[str]
    """The promise's short name."""
    promise: ClassVar[str]
    """The promise, in one sentence."""
    kind: ClassVar[PromiseKind] = PromiseKind.SAFETY

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.guarantee}>"

    def check(self, history: History) -> Judgement:
        """Judge a history, in time linear in its length."""
        docket = Docket(self.guarantee)
        self.examine(history, docket)
        return docket.close()

    @abstractmethod
    def examine(self, history: History, docket: Docket) -> None:
        """Write down how often the promise could have been broken, and every breach."""


def indexes(*evidence: Evidence) -> tuple[int, ...]:
    """Return the places in the record, in order, each once."""
    places: dict[int, None] = {}
    for piece in evidence:
        match piece:
            case Call():
                places.update(dict.fromkeys(piece.evidence))
            case Entry():
                places[piece.index] = None
            case int():
                places[piece] = None
    return tuple(sorted(places))


def at(time_s: float) -> str:
    """Return a moment of the run as people read it: "at 93.2 s"."""
    return f"at {time_s:.1f} s"


def when(call: Call) -> str:
    """Return when a call was answered, or else made, as people read it."""
    return at(call.invoked_at if call.completed_at is None else call.completed_at)
