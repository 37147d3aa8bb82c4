"""A page for each run, complete in itself: one file, no script, nothing fetched from anywhere."""

import json
from pathlib import Path

from simulator.checkers.base import Validity
from simulator.checkers.judge import Result, Section
from simulator.history.entry import JsonObject
from simulator.report.console import told
from simulator.report.legend import MARKS, SWATCHES
from simulator.report.outcome import WORDINGS
from simulator.report.summary import Summary
from simulator.report.svg import alone
from simulator.report.templates import SIGNS, TONES, environment
from simulator.report.timeline import loss_curve, timeline

_SECTIONS = {
    Section.VALIDITY: "Does the run prove anything?",
    Section.SAFETY: "Safety: never broken, whatever the faults",
    Section.LIVENESS: "Liveness: kept once the faults are over",
    Section.OUTCOME: "How experiments were to end",
    Section.SLO: "Service levels",
}
_STATES = {
    "held": "held",
    "broken": "broken",
    "unknown": "unknown",
    "idle": "not exercised",
    "waived": "waived",
}


def write_page(summary: Summary, path: Path) -> None:
    """Write a run's page to a file."""
    path.write_text(page(summary), encoding="utf-8")


def page(summary: Summary) -> str:
    """Return a run's page."""
    follow = [r.name for r in summary.verdict.results if r.follows is not None and r.counts]
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            summary=summary,
            tone=TONES[summary.outcome],
            wording=WORDINGS[summary.outcome],
            first=summary.verdict.first,
            follow=follow,
            sections=[
                (heading, summary.verdict.of(section))
                for section, heading in _SECTIONS.items()
                if summary.verdict.of(section)
            ],
            state_of=_state_of,
            states=_STATES,
            signs=SIGNS,
            whole=_whole,
            timeline=timeline(summary),
            swatches=SWATCHES,
            marks=[(alone(sign, css), words) for sign, css, words in MARKS],
            curves=[
                (line, loss_curve(line)) for line in summary.experiments if line.loss is not None
            ],
        )
    )


def _state_of(result: Result) -> str:
    if result.waived is not None:
        return "waived"
    match result.validity:
        case Validity.INVALID:
            return "broken"
        case Validity.UNKNOWN:
            return "unknown"
        case Validity.VALID:
            return "held" if result.was_exercised else "idle"


def _whole(value: JsonObject) -> str | None:
    """Return everything that an entry says, on many lines; None where one line says it all."""
    if told(value) == told(value, is_whole=True):
        return None
    return json.dumps(value, indent=2, ensure_ascii=False)
