"""A page for each run, complete in itself: one file, no script, nothing fetched from anywhere."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from simulator.checkers.base import Validity
from simulator.checkers.judge import Result, Section
from simulator.report.console import told
from simulator.report.style import clock, duration, readable, thousands
from simulator.report.summary import Summary
from simulator.report.timeline import loss_curve, timeline

_VERDICTS = {
    Validity.VALID: ("held", "VALID", "every promise that was tested held"),
    Validity.INVALID: ("broken", "INVALID", "a promise was broken"),
    Validity.UNKNOWN: ("unknown", "UNKNOWN", "inconclusive: the record cannot tell"),
}
_SECTIONS = {
    Section.VALIDITY: "Does the run prove anything?",
    Section.SAFETY: "Safety: never broken, whatever the faults",
    Section.LIVENESS: "Liveness: kept once the faults are over",
    Section.OUTCOME: "How experiments were to end",
    Section.SLO: "Service levels",
}
_STATES = {
    "held": ("✔", "held"),
    "broken": ("✘", "broken"),
    "unknown": ("?", "unknown"),
    "idle": ("\N{EN DASH}", "not exercised"),
    "waived": ("~", "waived"),
}


def write_page(summary: Summary, path: Path) -> None:
    """Write a run's page to a file."""
    path.write_text(page(summary), encoding="utf-8")


def page(summary: Summary) -> str:
    """Return a run's page."""
    state, word, meaning = _VERDICTS[summary.validity]
    follow = [r.name for r in summary.verdict.results if r.follows is not None and r.counts]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            summary=summary,
            state=state,
            word=word,
            meaning=meaning,
            first=summary.verdict.first,
            follow=follow,
            sections=[
                (heading, summary.verdict.of(section))
                for section, heading in _SECTIONS.items()
                if summary.verdict.of(section)
            ],
            state_of=_state_of,
            states=_STATES,
            timeline=timeline(summary),
            curves=[
                (line, loss_curve(line)) for line in summary.experiments if line.loss is not None
            ],
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Names are an attacker's to choose.
        finalize=_finalized,
    )
    environment.filters.update(clock=clock, duration=duration, thousands=thousands, told=told)
    return environment


def _finalized(value: object) -> object:
    # What a template calls safe, and the pictures are, comes as another type.
    return readable(value) if type(value) is str else value


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
