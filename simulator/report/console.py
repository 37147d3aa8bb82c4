"""A run on the terminal: the verdict, what decided it and its witness, and what there was.

Looks its best at 80 to 120 columns; where there is no terminal it is the same without colour.
"""

import json
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simulator.history.entry import JsonObject
from simulator.report.glyphs import Glyphs, glyphs, show
from simulator.report.outcome import WORDINGS, CaseOutcome
from simulator.report.promises import expectations, promises
from simulator.report.style import STATUS_STYLES, clock, duration, readable, thousands
from simulator.report.summary import FaultLine, Summary, WitnessLine
from simulator.report.training import ExperimentLine

_STYLES = {
    CaseOutcome.HELD: "bold white on blue",
    CaseOutcome.BROKEN: "bold white on red",
    CaseOutcome.INCONCLUSIVE: "bold black on yellow",
    CaseOutcome.FAILED_AS_EXPECTED: "bold black on cyan",
    CaseOutcome.HELD_UNEXPECTEDLY: "bold white on red",
}
_MOST_EXPERIMENTS = 20
_SPARK_ROUNDS = 12


def render_summary(summary: Summary, console: Console) -> None:
    """Print a run; the verdict comes first, the command that repeats it last."""
    signs = glyphs(console)
    parts: list[RenderableType] = [_banner(summary), *_decided(summary, signs)]
    parts.append(promises(summary.verdict, signs))
    expected = expectations(summary.verdict, signs)
    if expected is not None:
        parts.append(expected)
    if summary.faults:
        parts.append(_faults(summary))
    if summary.experiments:
        parts.append(_experiments(summary, signs))
    show(console, Group(*(Padding(part, (0, 0, 1, 0)) for part in parts)))
    if summary.reproduce:
        # Whoever copies the line must get it whole, however narrow the terminal is.
        command = Text.assemble(("reproduce: ", "dim"), summary.reproduce)
        show(console, command, soft_wrap=True)


# ---------------------------------------------------------------- the verdict


def _banner(summary: Summary) -> RenderableType:
    wording = WORDINGS[summary.outcome]
    facts = (
        f"seed {summary.seed}",
        f"{summary.world} world",
        summary.identity,
        f"{duration(summary.ended_s)} simulated"
        if summary.world == "virtual"
        else duration(summary.ended_s),
        f"{thousands(summary.calls)} RPCs",
        f"{len(summary.envoys)} envoy{'s' * (len(summary.envoys) != 1)}",
    )
    verdict = (f" {wording.banner} ", _STYLES[summary.outcome])
    lines = [
        Text.assemble(verdict, " ", (summary.title, "bold"), f"  {wording.meaning}"),
        Text(", ".join(facts), style="dim"),
    ]
    if summary.about.title:
        lines.insert(1, Text(readable(summary.about.title), style="italic"))
    return Group(*lines)


def _decided(summary: Summary, signs: Glyphs) -> list[RenderableType]:
    """Return what decided a verdict, with its witness; nothing where all is well."""
    first = summary.verdict.first
    if first is None:
        return []
    sign, style = signs.of(first)
    said = first.error or (first.worst.message if first.worst else "")
    parts: list[RenderableType] = [
        # A service level says by its name already what was to hold.
        Text.assemble(
            (f"{sign} {first.name}", style),
            ("" if first.promise == first.name else f"  {first.promise}", "italic"),
        ),
        Padding(Text(readable(said)), (0, 0, 0, 2)),
    ]
    if summary.witness:
        parts.append(Padding(_excerpt(summary.witness), (0, 0, 0, 2)))
    more = len(first.judgement.findings) - 1 + first.judgement.omitted
    if more > 0:
        parts.append(Text(f"  and {more} more of the kind", style="dim"))
    follow = [r.name for r in summary.verdict.results if r.follows is not None and r.counts]
    if follow:
        parts.append(Text(f"  {signs.arrow} it explains: {', '.join(follow)}", style="dim"))
    return [Group(*parts)]


def _excerpt(witness: Sequence[WitnessLine]) -> Table:
    cells = [
        (f"#{line.index}", clock(line.time_s), line.kind, line.actor or "run", line.topic)
        for line in witness
    ]
    grid = Table.grid(padding=(0, 1), pad_edge=False, expand=True)
    styles = ("dim", "dim", "", "cyan", "bold")
    for style, column in zip(styles, zip(*cells, strict=True), strict=True):
        grid.add_column(style=style, no_wrap=True, width=max(map(len, column)))
    grid.add_column(style="dim", no_wrap=True, overflow="ellipsis", ratio=1)
    for line, texts in zip(witness, cells, strict=True):
        grid.add_row(*texts, told(line.value))
    return grid


def told(value: JsonObject, *, is_whole: bool = False) -> str:
    """Return what an entry says on one line; long texts and lists are cut, unless it is whole."""
    return " ".join(
        f"{key}={_shown(item) if is_whole else _short(item)}"
        for key, item in value.items()
        if key != "connection"
    )


def _short(item: object, most: int = 40) -> str:
    if isinstance(item, Sequence) and not isinstance(item, str) and len(item) > 4:  # noqa: PLR2004 - what fits a line
        return f"[{len(item)} items]"
    shown = _shown(item)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _shown(item: object) -> str:
    if isinstance(item, str):
        return readable(item) or '""'
    return json.dumps(item, ensure_ascii=False)


# ---------------------------------------------------------------- tables


def _table(title: str) -> Table:
    return Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="dim",
    )


def _faults(summary: Summary) -> RenderableType:
    table = _table("faults")
    table.add_column("fault", no_wrap=True, overflow="ellipsis", max_width=32)
    table.add_column("type", no_wrap=True)
    table.add_column("fired", justify="right", no_wrap=True)
    table.add_column("RPCs", justify="right", no_wrap=True)
    table.add_column("open", no_wrap=True)
    for fault in summary.faults:
        style = "" if fault.fired and fault.touched else "yellow"
        table.add_row(
            Text(fault.fault, style),
            Text(fault.type, "dim"),
            Text(thousands(fault.fired), style),
            Text(thousands(fault.touched), style),
            Text(_when(fault), "dim"),
        )
    if not summary.weathered:
        return table
    weather = f"beside them the weather reset {thousands(summary.weathered)} RPCs"
    return Group(table, Text(weather, style="dim"))


def _when(fault: FaultLine) -> str:
    if not fault.windows:
        return "never fired" if fault.is_planned else ""
    begin_s = min(window.begin_s for window in fault.windows)
    end_s = max(window.end_s for window in fault.windows)
    return clock(begin_s) if begin_s == end_s else f"{clock(begin_s)} - {clock(end_s)}"


def _experiments(summary: Summary, signs: Glyphs) -> RenderableType:
    table = _table("experiments")
    table.add_column("experiment", no_wrap=True, overflow="ellipsis", max_width=26)
    table.add_column("owner", no_wrap=True, overflow="ellipsis", max_width=14)
    table.add_column("status", no_wrap=True)
    table.add_column("rounds", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("loss", no_wrap=True, overflow="ellipsis")
    accepted = [line for line in summary.experiments if line.accepted_s is not None]
    for line in accepted[:_MOST_EXPERIMENTS]:
        took = duration(line.ended_s - line.submitted_s) if line.ended_s is not None else ""
        table.add_row(
            readable(line.name),
            Text(readable(line.owner), "dim"),
            _status(line.outcome),
            f"{line.rounds_done}/{line.rounds}",
            took,
            _loss(line, signs),
        )
    for name, owner, outcome in _turned_away(summary.experiments):
        table.add_row(name, Text(owner, "dim"), _status(outcome), "", "", "")
    hidden = len(accepted) - _MOST_EXPERIMENTS
    if hidden <= 0:
        return table
    return Group(table, Text(f"and {hidden} more that were accepted", style="dim"))


def _status(outcome: str) -> Text:
    return Text(outcome or "unknown", STATUS_STYLES.get(outcome, "yellow"))


def _turned_away(lines: Sequence[ExperimentLine]) -> list[tuple[str, str, str]]:
    """Return what never became an experiment, one row for each owner and outcome."""
    groups: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.accepted_s is None:
            groups.setdefault((line.owner, line.outcome), []).append(readable(line.name) or '""')
    return [
        (names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more", owner, outcome)
        for (owner, outcome), names in groups.items()
    ]


def _loss(line: ExperimentLine, signs: Glyphs) -> Text:
    if line.loss is None:
        return Text("")
    values = [value for _, value in line.loss.points]
    shown = f"{values[0]:.3g} {signs.arrow} {values[-1]:.3g} "
    return Text.assemble(shown, (signs.sparkline(values[-_SPARK_ROUNDS:]), "cyan"))
