"""What all HTML pages share: their templates, their colours, and the signs beside the colours."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from simulator.report.console import told
from simulator.report.outcome import CaseOutcome
from simulator.report.style import clock, duration, readable, thousands

TONES = {
    CaseOutcome.HELD: "held",
    CaseOutcome.BROKEN: "broken",
    CaseOutcome.INCONCLUSIVE: "unknown",
    CaseOutcome.ERROR: "error",
    CaseOutcome.FAILED_AS_EXPECTED: "expected",
    CaseOutcome.HELD_UNEXPECTEDLY: "broken",
    CaseOutcome.NOT_RUN: "idle",
}
"""The class that gives an outcome its colour."""

SIGNS = {
    "held": "✔",
    "broken": "✘",
    "unknown": "?",
    "idle": "\N{EN DASH}",
    "waived": "~",
    "expected": "✔",
    "error": "!",
}
"""The sign that stands beside each colour."""


@cache
def environment() -> Environment:
    """Return where the templates are; everything in them is escaped, and readable."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Names are an attacker's to choose.
        finalize=_finalized,
    )
    found.filters.update(clock=clock, duration=duration, thousands=thousands, told=told)
    return found


def _finalized(value: object) -> object:
    # What a template calls safe, and the pictures are, comes as another type.
    return readable(value) if type(value) is str else value
