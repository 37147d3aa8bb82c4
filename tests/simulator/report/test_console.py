"""What a person reads of a run on the terminal: its structure, not its prose."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from simulator.report.cases import CaseResult, exit_code
from simulator.report.console import render_summary, told
from simulator.report.outcome import CaseOutcome
from simulator.report.overview import render_overview
from simulator.report.style import clock, duration, readable, size, thousands
from simulator.report.summary import FaultLine, Summary
from tests.simulator.report.runs import a_summary


@pytest.fixture(scope="module")
def held() -> Summary:
    return a_summary()


@pytest.fixture(scope="module")
def broken() -> Summary:
    return a_summary(ends=False)


def printed(show: Callable[[Console], None], *, width: int = 100, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(Console(file=file, width=width))
    file.seek(0)
    return file.read()


def lines_after(text: str, heading: str) -> list[str]:
    lines = text.splitlines()
    begin = next(nth for nth, line in enumerate(lines) if line.strip() == heading)
    end = next((n for n in range(begin, len(lines)) if not lines[n].strip()), len(lines))
    return lines[begin + 1 : end]


def test_a_run_that_held_shows_verdict_signs_faults_experiments_and_how_to_repeat_it(
    held: Summary,
) -> None:
    text = printed(lambda console: render_summary(held, console))

    assert text.lstrip().startswith("VALID")
    assert "tale [identity=plaintext]" in text.splitlines()[0]
    assert text.splitlines()[1].strip() == "Hearts fall silent"
    promises = "\n".join(lines_after(text, "promises"))
    for sign, name in (("✔", "delivery"), ("\N{EN DASH}", "no-blocking"), ("~", "throughput")):
        assert f"{sign} {name}" in promises
    assert "✔ rpc.UpdateEnvoyStatus.latency.p99 < 250ms 40 ms" in text
    ledger = next(line for line in lines_after(text, "faults") if "silent-hearts" in line)
    assert ledger.split()[1:4] == ["heartbeat.drop", "2", "2"]
    brain = next(line for line in lines_after(text, "experiments") if "brain-mri" in line)
    assert brain.split()[1:4] == ["alice", "finished", "3/3"]
    assert "█" in brain
    assert text.splitlines()[-1] == (
        "reproduce: simulate scenarios/tale.yaml --case identity=plaintext --seed 7"
    )


def test_what_broke_comes_first_with_its_witness_and_its_consequences(broken: Summary) -> None:
    text = printed(lambda console: render_summary(broken, console))
    order = [
        text.index(part)
        for part in (
            "INVALID",
            "✘ experiments-end",
            "brain-mri had not ended",
            "GetExperimentStatus status=in_progress",
            "it explains: outcomes[brain-mri]",
            "promises",
            "follows from experiments-end",
            "reproduce:",
        )
    ]

    assert order == sorted(order)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_nothing_is_wider_than_the_terminal(width: int, broken: Summary) -> None:
    text = printed(lambda console: render_summary(broken, console), width=width)

    assert max(map(len, text.splitlines())) <= width


def test_a_terminal_without_unicode_gets_plain_signs(broken: Summary) -> None:
    text = printed(lambda console: render_summary(broken, console), encoding="ascii")

    assert "X experiments-end" in text
    assert "+ delivery" in text


def test_without_a_terminal_there_are_no_colours(held: Summary) -> None:
    assert "\x1b" not in printed(lambda console: render_summary(held, console))


def test_what_attackers_call_their_experiments_steers_no_terminal() -> None:
    assert readable("a\x1b[31mb\x00\u202e") == "a\\x1b[31mb\\x00\\u202e"
    assert told({"experiment": "e\x1b[2J", "to": ["a"] * 9, "name": ""}) == (
        'experiment=e\\x1b[2J to=[9 items] name=""'
    )


def test_long_values_are_cut() -> None:
    assert len(told({"details": "x" * 1000})) < 60


def test_doubts_waivers_and_idle_faults_are_told_with_their_reasons(held: Summary) -> None:
    first, second, *others = held.verdict.results
    verdict = replace(
        held.verdict,
        results=(replace(first, error="its checker raised"), second, *others),
    )
    idle = FaultLine(fault="idle", type="rpc.delay", windows=(), touched=0, is_planned=True)
    crowd = tuple(replace(held.experiments[0], name=f"e{number}") for number in range(30))
    doubtful = replace(
        held, verdict=verdict, faults=(idle,), weathered=17, experiments=crowd, reproduce=""
    )

    text = printed(lambda console: render_summary(doubtful, console))

    assert text.lstrip().startswith("UNKNOWN")
    assert "? faults-fired" in text
    assert "its checker raised" in text
    assert "never fired" in text
    assert "the weather reset 17 RPCs" in text
    assert "and 10 more that were accepted" in text
    assert "reproduce" not in text


# ---------------------------------------------------------------- many cases


def a_case(summary: Summary | None = None, *, error: str | None = None) -> CaseResult:
    return CaseResult(
        scenario="tale",
        case={},
        seed=7,
        wall_s=0.3,
        summary=summary,
        error=error,
    )


@pytest.mark.parametrize(
    ("ends", "xfail", "outcome", "code"),
    [
        (True, False, CaseOutcome.HELD, 0),
        (False, False, CaseOutcome.BROKEN, 1),
        (False, True, CaseOutcome.FAILED_AS_EXPECTED, 0),
        (True, True, CaseOutcome.HELD_UNEXPECTEDLY, 1),
    ],
)
def test_a_case_ends_as_its_scenario_expects_or_not(
    *, ends: bool, xfail: bool, outcome: CaseOutcome, code: int
) -> None:
    result = a_case(a_summary(ends=ends, xfail=xfail))

    assert result.outcome is outcome
    assert exit_code([result]) == code
    assert (result.message == "") == (outcome is CaseOutcome.HELD)


def test_a_harness_that_failed_judges_nothing() -> None:
    result = a_case(error="it did not start")

    assert (result.outcome, exit_code([result])) == (CaseOutcome.ERROR, 4)
    assert result.message == "it did not start"


def test_a_failure_that_was_expected_does_not_look_like_one() -> None:
    expected = a_summary(ends=False, xfail=True)

    first = printed(lambda console: render_summary(expected, console)).splitlines()[0]

    assert first.strip().startswith("AS EXPECTED")
    assert "INVALID" not in first


def test_a_bug_that_is_gone_is_told_in_the_first_line() -> None:
    gone = a_summary(xfail=True)

    first = printed(lambda console: render_summary(gone, console)).splitlines()[0]

    assert first.strip().startswith("UNEXPECTED")


def test_the_worst_case_decides_how_it_all_ends(held: Summary, broken: Summary) -> None:
    assert exit_code([]) == 0
    assert exit_code([a_case(held), a_case(broken)]) == 1
    assert exit_code([a_case(broken), a_case(error="it did not start")]) == 4


def test_what_was_not_run_says_nothing_of_what_was(held: Summary, broken: Summary) -> None:
    unfit = CaseResult(scenario="tale", case={}, seed=7, wall_s=0, not_run="it restarts it")

    shown = printed(lambda console: render_overview([unfit, a_case(held)], console, elapsed_s=1))

    assert "it restarts it" in shown
    assert "1 held, 1 not run" in shown
    assert exit_code([unfit, a_case(held)]) == 0
    assert exit_code([unfit, a_case(broken)]) == 1
    assert exit_code([unfit]) == 2


def test_the_overview_has_a_line_for_each_case_and_a_sum(held: Summary, broken: Summary) -> None:
    cases = [a_case(held), a_case(broken), a_case(error="it did not start")]

    text = printed(lambda console: render_overview(cases, console, elapsed_s=0.5))

    rows = [line for line in text.splitlines() if " tale " in line]
    assert [row.split()[0] for row in rows] == ["✔", "✘", "!"]
    assert "experiments-end: brain-mri had not ended" in text
    # They ran side by side: each took 0.3 s, all of them 0.5 s.
    assert text.splitlines()[-1].rstrip() == "3 cases, 1 held, 1 broken, 1 harness failed in 500 ms"


# ---------------------------------------------------------------- how things are written


def test_times_sizes_and_counts_have_one_way_to_be_written() -> None:
    assert [clock(0), clock(93.26), clock(3661)] == ["00:00.0", "01:33.3", "1:01:01"]
    assert [duration(0.0013), duration(25), duration(250)] == ["1.3 ms", "25 s", "4.17 min"]
    assert [size(512), size(8 * 2**20), size(3 * 2**30)] == ["512 B", "8 MiB", "3 GiB"]
    assert thousands(12_480) == "12\N{NARROW NO-BREAK SPACE}480"
