"""The page above the pages of many cases: how each ended, where its files are, and the sum."""

from collections.abc import Sequence

from simulator.report.cases import CaseResult
from simulator.report.outcome import WORDINGS, CaseOutcome
from simulator.report.templates import SIGNS, TONES, environment

# The gravest first: whoever opens the page looks for those.
_GRAVEST_FIRST = (
    CaseOutcome.ERROR,
    CaseOutcome.BROKEN,
    CaseOutcome.HELD_UNEXPECTEDLY,
    CaseOutcome.INCONCLUSIVE,
    CaseOutcome.FAILED_AS_EXPECTED,
    CaseOutcome.HELD,
    CaseOutcome.NOT_RUN,
)


def index_page(results: Sequence[CaseResult], folders: Sequence[str], *, elapsed_s: float) -> str:
    """Return the page; `folders` are where each case's files are, beside it.

    Cases run side by side: `elapsed_s` is how long all of them took together.
    """
    outcomes = [result.outcome for result in results]
    counts = [(outcome, outcomes.count(outcome)) for outcome in _GRAVEST_FIRST]
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            cases=list(zip(results, folders, strict=True)),
            counts=[(outcome, count) for outcome, count in counts if count],
            gravest=next((outcome for outcome, count in counts if count), CaseOutcome.HELD),
            elapsed_s=elapsed_s,
            calls=sum(result.summary.calls for result in results if result.summary is not None),
            wordings=WORDINGS,
            tones=TONES,
            signs=SIGNS,
        )
    )
