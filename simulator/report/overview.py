"""Many cases on the terminal: one line each, and what they come to."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simulator.report.cases import CaseResult
from simulator.report.glyphs import Glyphs, glyphs, show
from simulator.report.outcome import WORDINGS, CaseOutcome
from simulator.report.style import duration, readable, thousands

_STYLES: Mapping[CaseOutcome, str] = {
    CaseOutcome.HELD: "blue",
    CaseOutcome.BROKEN: "bold red",
    CaseOutcome.INCONCLUSIVE: "bold yellow",
    CaseOutcome.ERROR: "bold magenta",
    CaseOutcome.FAILED_AS_EXPECTED: "cyan",
    CaseOutcome.HELD_UNEXPECTEDLY: "bold red",
    CaseOutcome.NOT_RUN: "dim",
}


def render_overview(results: Sequence[CaseResult], console: Console, *, elapsed_s: float) -> None:
    """Print one line for each case, those that did not hold with the reason, and the sum.

    Cases run side by side: `elapsed_s` is how long all of them took together.
    """
    signs = glyphs(console)
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="dim"
    )
    table.add_column("", width=1, no_wrap=True)
    table.add_column("case", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("RPCs", justify="right", no_wrap=True)
    table.add_column("run time", justify="right", no_wrap=True)
    table.add_column("wall", justify="right", no_wrap=True)
    for result in results:
        style = _STYLES[result.outcome]
        summary = result.summary
        table.add_row(
            Text(_sign(result.outcome, signs), style),
            _case(result),
            Text(WORDINGS[result.outcome].word, style),
            thousands(summary.calls) if summary else "",
            duration(summary.ended_s) if summary else "",
            Text(duration(result.wall_s), "dim"),
        )
    show(console, table)
    show(console, Padding(_sum(results, elapsed_s), (1, 0, 0, 0)))


def _sign(outcome: CaseOutcome, signs: Glyphs) -> str:
    match outcome:
        case CaseOutcome.HELD | CaseOutcome.FAILED_AS_EXPECTED:
            return signs.held
        case CaseOutcome.BROKEN | CaseOutcome.HELD_UNEXPECTEDLY:
            return signs.broken
        case CaseOutcome.INCONCLUSIVE:
            return signs.unknown
        case CaseOutcome.ERROR:
            return "!"
        case CaseOutcome.NOT_RUN:
            return signs.idle


def _case(result: CaseResult) -> Text:
    text = Text(result.title)
    if result.message and result.outcome is not CaseOutcome.FAILED_AS_EXPECTED:
        text.append(f"\n{readable(result.message)}", "dim")
        # What fails has to be repeated; the whole command is in the case's own report.
        text.append(f"\nseed {result.seed}", "dim")
    return text


def _sum(results: Sequence[CaseResult], elapsed_s: float) -> Text:
    outcomes = [result.outcome for result in results]
    counts = [(outcome, outcomes.count(outcome)) for outcome in CaseOutcome]
    parts: list[tuple[str, str]] = [(f"{len(results)} cases", "bold")]
    for outcome, count in counts:
        if count:
            told = f"{count} {WORDINGS[outcome].word}"
            parts += [(", ", ""), (told, _STYLES[outcome])]
    return Text.assemble(*parts, (f" in {duration(elapsed_s)}", "dim"))
