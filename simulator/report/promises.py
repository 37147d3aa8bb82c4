"""The promises of a run on the terminal: a field of signs, and a line for each that did not hold.

What held needs no words here; what a promise says is in the list of guarantees.
"""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simulator.checkers.base import Validity
from simulator.checkers.judge import Result, Section, Verdict
from simulator.report.glyphs import Glyphs
from simulator.report.style import readable, thousands

_FIELDS = (Section.VALIDITY, Section.SAFETY, Section.LIVENESS)
_LABEL_WIDTH = 10
_NAME_WIDTH = 18
_COUNT_WIDTH = 7


class Field:
    """Signs of many promises, as many side by side as there is room for."""

    def __init__(self, verdict: Verdict, signs: Glyphs) -> None:
        self._verdict = verdict
        self._signs = signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the signs out for the width at hand."""
        del console
        cell = _NAME_WIDTH + _COUNT_WIDTH + 5
        across = max(1, (options.max_width - _LABEL_WIDTH) // cell)
        grid = Table.grid(padding=(0, 1), pad_edge=False)
        grid.add_column(width=_LABEL_WIDTH - 1, style="dim italic", no_wrap=True)
        for _ in range(across):
            grid.add_column(width=1, no_wrap=True)
            grid.add_column(width=_NAME_WIDTH, no_wrap=True, overflow="ellipsis")
            grid.add_column(width=_COUNT_WIDTH, no_wrap=True, justify="right", style="dim")
        for section in _FIELDS:
            label: str = section
            for row in _rows(self._verdict.of(section), across):
                grid.add_row(label, *(part for result in row for part in self._cell(result)))
                label = ""
        yield grid

    def _cell(self, result: Result) -> Sequence[Text]:
        sign, style = self._signs.of(result)
        is_quiet = not result.counts or not (result.was_exercised or result.error)
        tried = thousands(result.judgement.occasions) if result.was_exercised else ""
        return Text(sign, style), Text(result.name, "dim" if is_quiet else ""), Text(tried)


def _rows(results: Sequence[Result], across: int) -> list[Sequence[Result]]:
    return [results[begin : begin + across] for begin in range(0, len(results), across)]


def promises(verdict: Verdict, signs: Glyphs) -> RenderableType:
    """Return the field, its legend, and a line for each that did not hold or was waived."""
    legend = (
        f"{signs.held} held  {signs.broken} broken  {signs.unknown} unknown"
        f"  {signs.idle} not exercised  {signs.waived} waived; numbers: how often it was tried"
    )
    parts: list[RenderableType] = [
        Text("promises", "bold"),
        Field(verdict, signs),
        Text(legend, style="dim"),
    ]
    first = verdict.first
    troubled = [
        result
        for section in _FIELDS
        for result in verdict.of(section)
        # What decided the verdict stands above, with its witness.
        if result is not first
        and (result.validity is not Validity.VALID or result.waived is not None)
    ]
    if troubled:
        parts.append(Padding(remarks(troubled, signs), (1, 0, 0, 0)))
    return Group(*parts)


def expectations(verdict: Verdict, signs: Glyphs) -> RenderableType | None:
    """Return how outcomes and service levels compare to what was expected; None: nothing was."""
    results = (*verdict.of(Section.OUTCOME), *verdict.of(Section.SLO))
    if not results:
        return None
    return Group(Text("expected", "bold"), remarks(results, signs, above=verdict.first))


def remarks(
    results: Sequence[Result], signs: Glyphs, *, above: Result | None = None
) -> RenderableType:
    """Return a line for each result: its sign, its name, and what there is to say.

    Of what stands above already, with its witness, only what was measured.
    """
    grid = Table.grid(padding=(0, 1), pad_edge=False, expand=True)
    grid.add_column(width=1, no_wrap=True)
    grid.add_column(max_width=44, overflow="fold")
    grid.add_column(ratio=1, overflow="fold")
    for result in results:
        sign, style = signs.of(result)
        said = _remark(result) if result is not above else Text(result.measured or "see above")
        grid.add_row(Text(sign, style), _name(result), said)
    return grid


def _name(result: Result) -> str:
    return result.promise.rstrip(".") if result.section is Section.OUTCOME else result.name


def _remark(result: Result) -> Text:
    if result.waived is not None:
        said = f" ({result.worst.message})" if result.worst is not None else ""
        return Text(f"waived: {result.waived}{said}", style="dim")
    if result.error is not None:
        return Text(result.error, style="yellow")
    if result.worst is not None:
        because = f"follows from {result.follows}: " if result.follows else ""
        more = len(result.judgement.findings) - 1 + result.judgement.omitted
        others = f" (and {more} more)" if more else ""
        return Text.assemble((because, "dim"), readable(result.worst.message), (others, "dim"))
    if result.measured is not None:
        return Text(result.measured, style="dim")
    tried = result.judgement.occasions
    return Text(f"{thousands(tried)} experiments" if tried != 1 else "", style="dim")
