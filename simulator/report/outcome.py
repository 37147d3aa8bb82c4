"""How a case ended, and how every report words it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from simulator.checkers.base import Validity


class CaseOutcome(StrEnum):
    """How a case ended."""

    HELD = "held"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    """The harness failed; nothing was judged."""
    FAILED_AS_EXPECTED = "xfail"
    """The scenario is kept as the reproduction of a bug, and the bug is still there."""
    HELD_UNEXPECTEDLY = "xpass"
    """It was to fail, and held: the bug is gone, or is not reproduced any more."""
    NOT_RUN = "not-run"
    """It cannot be run here, or everything was interrupted before it ended."""


def outcome_of(validity: Validity, *, is_expected_to_fail: bool) -> CaseOutcome:
    """Return how a case that was judged ended."""
    match validity:
        case Validity.UNKNOWN:
            return CaseOutcome.INCONCLUSIVE
        case Validity.INVALID if is_expected_to_fail:
            return CaseOutcome.FAILED_AS_EXPECTED
        case Validity.INVALID:
            return CaseOutcome.BROKEN
        case Validity.VALID if is_expected_to_fail:
            return CaseOutcome.HELD_UNEXPECTEDLY
        case Validity.VALID:
            return CaseOutcome.HELD


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How an outcome is told."""

    banner: str
    """Above a run."""
    word: str
    """In a line among others."""
    meaning: str


WORDINGS: Mapping[CaseOutcome, Wording] = {
    CaseOutcome.HELD: Wording(
        banner="VALID", word="held", meaning="every promise that was tested held"
    ),
    CaseOutcome.BROKEN: Wording(banner="INVALID", word="broken", meaning="a promise was broken"),
    CaseOutcome.INCONCLUSIVE: Wording(
        banner="UNKNOWN", word="inconclusive", meaning="inconclusive: the record cannot tell"
    ),
    CaseOutcome.ERROR: Wording(
        banner="ERROR", word="harness failed", meaning="the simulator itself failed"
    ),
    CaseOutcome.FAILED_AS_EXPECTED: Wording(
        banner="AS EXPECTED",
        word="failed as expected",
        meaning="a promise was broken, as it must be here: the scenario is marked xfail",
    ),
    CaseOutcome.HELD_UNEXPECTEDLY: Wording(
        banner="UNEXPECTED",
        word="held unexpectedly",
        meaning="every promise held, but the scenario is marked xfail: is its bug gone?",
    ),
    CaseOutcome.NOT_RUN: Wording(
        banner="NOT RUN", word="not run", meaning="nothing was tested, and nothing can be said"
    ),
}
