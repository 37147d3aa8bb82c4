"""What came of one case of one scenario: held, broken, inconclusive, or not even judged."""

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.history.entry import JsonObject
from simulator.report.outcome import CaseOutcome
from simulator.report.summary import Summary, title

_EXIT_CODES = {
    CaseOutcome.HELD: 0,
    CaseOutcome.FAILED_AS_EXPECTED: 0,
    CaseOutcome.BROKEN: 1,
    CaseOutcome.HELD_UNEXPECTEDLY: 1,
    CaseOutcome.INCONCLUSIVE: 3,
    CaseOutcome.ERROR: 4,
    CaseOutcome.NOT_RUN: 2,
}
# What counts where several cases end differently: a harness that failed casts doubt on all; what
# could not be run says nothing of what could.
_WORST_FIRST = (4, 1, 3, 0, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case, run and judged; there is a `summary`, or else `error` or `not_run` says why not."""

    scenario: str
    case: JsonObject
    seed: int
    wall_s: float
    """How long it took on a real clock."""
    summary: Summary | None = None
    error: str | None = None
    """How the simulator failed."""
    not_run: str | None = None
    """Why it was not run, or not to its end."""

    def __post_init__(self) -> None:
        told = (self.summary, self.error, self.not_run)
        assert sum(each is not None for each in told) == 1

    @property
    def title(self) -> str:
        """The scenario and its case, on one line."""
        return title(self.scenario, self.case)

    @property
    def outcome(self) -> CaseOutcome:
        """How it ended."""
        if self.not_run is not None:
            return CaseOutcome.NOT_RUN
        return CaseOutcome.ERROR if self.summary is None else self.summary.outcome

    @property
    def message(self) -> str:
        """Why it did not hold, in one line; "" where it did."""
        if self.summary is None:
            return self.error or self.not_run or ""
        if self.outcome is CaseOutcome.HELD_UNEXPECTEDLY:
            return "the scenario is marked xfail, but everything held"
        first = self.summary.verdict.first
        if first is None:
            return ""
        said = first.error or (first.worst.message if first.worst else "")
        return f"{first.name}: {said}"


def exit_code(results: Iterable[CaseResult]) -> int:
    """Return 0 held, 1 broken, 3 inconclusive, 4 the harness failed: the worst of all cases.

    2: not one of them was run.
    """
    codes = {_EXIT_CODES[result.outcome] for result in results}
    return next((code for code in _WORST_FIRST if code in codes), 0)
