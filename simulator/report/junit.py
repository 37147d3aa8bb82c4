"""`junit.xml`: one test case for each case of each scenario, for any CI to read.

Held is a pass, a broken promise a failure, and an inconclusive run or a harness that failed an
error: neither says anything of the Director, and neither may turn a build green.  A scenario kept
as the reproduction of a bug is skipped while the bug is there, and fails once it holds; what was
not run is skipped, too.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from simulator.checkers.judge import Result
from simulator.report.cases import CaseResult
from simulator.report.console import told
from simulator.report.outcome import CaseOutcome
from simulator.report.style import clock, readable
from simulator.report.summary import Summary


def junit_xml(results: Sequence[CaseResult]) -> str:
    """Return the document; a test suite a scenario, in the order of the results."""
    document = JUnitXml("squall")
    suites: dict[str, TestSuite] = {}
    for result, name in zip(results, _names(results), strict=True):
        if result.scenario not in suites:
            suites[result.scenario] = TestSuite(result.scenario)
        suites[result.scenario].add_testcase(_test_case(result, name))
    for suite in suites.values():
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written = BytesIO()
    document.write(written, pretty=True)
    return written.getvalue().decode()


def _names(results: Sequence[CaseResult]) -> Iterator[str]:
    """Yield each result's name, which no other bears: with its seed, or a number, where need be."""
    titles = Counter(result.title for result in results)
    seeded = [
        result.title if titles[result.title] == 1 else f"{result.title} seed {result.seed}"
        for result in results
    ]
    seen: Counter[str] = Counter()
    for name in seeded:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


def _test_case(result: CaseResult, name: str) -> TestCase:
    case = TestCase(readable(name), result.scenario, round(result.wall_s, 3))
    outcome = _outcome(result)
    if outcome is not None:
        case.result = [outcome]
    if result.summary is not None:
        case.system_out = _told(result.summary)
    return case


def _outcome(result: CaseResult) -> Skipped | Failure | Error | None:
    message = readable(result.message)
    found: Failure | Error
    match result.outcome:
        case CaseOutcome.HELD:
            return None
        case CaseOutcome.FAILED_AS_EXPECTED:
            return Skipped(f"xfail: {message}", "xfail")
        case CaseOutcome.NOT_RUN:
            return Skipped(f"not run: {message}", result.outcome.value)
        case CaseOutcome.BROKEN | CaseOutcome.HELD_UNEXPECTEDLY:
            found = Failure(message, result.outcome.value)
        case CaseOutcome.INCONCLUSIVE | CaseOutcome.ERROR:
            found = Error(message, result.outcome.value)
    found.text = _evidence(result)
    return found


def _evidence(result: CaseResult) -> str:
    """Return everything that did not hold, and the witness of what decided it."""
    if result.summary is None:
        return readable(result.message)
    lines = [
        f"{one.name}: {_said(one)}"
        for one in result.summary.verdict.results
        if one.counts and one.follows is None and _said(one)
    ]
    lines += [
        f"  #{line.index} {clock(line.time_s)} {line.kind} {line.actor or 'run'} {line.topic}"
        f" {told(line.value)}"
        for line in result.summary.witness
    ]
    return readable("\n".join([*lines, f"reproduce: {result.summary.reproduce}"]))


def _said(result: Result) -> str:
    """Return what speaks against a promise; "" where nothing does."""
    return result.error or (result.worst.message if result.worst is not None else "")


def _told(summary: Summary) -> str:
    return readable(
        f"seed {summary.seed}, {summary.world}, {summary.calls} RPCs,"
        f" {summary.ended_s:.1f} s of run\nreproduce: {summary.reproduce}"
    )
