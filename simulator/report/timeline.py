"""The picture of a run: phases, faults, experiments and envoys over one line of time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.report.lanes import EnvoyLine, Span
from simulator.report.style import clock
from simulator.report.summary import Summary
from simulator.report.svg import Canvas
from simulator.report.training import ExperimentLine

_WIDTH = 1180.0
_LEFT = 168.0
_RIGHT = 14.0
_NAME_CHARS = 24
# Beyond that a lane is not seen any more, and the page is too long to scroll.
MOST_ENVOYS = 60
MOST_EXPERIMENTS = 24
_MOST_TICKS = 12
# What a digit and its surroundings take.
_ROUND_PX = 9
_STEPS_S = (0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)

_DIGITS = re.compile(r"(\d+)")

_MARKS = {
    "actor.kill": ("cross", "mark bad", "killed"),
    "actor.pause": ("pause", "mark bad", "paused"),
    "actor.resume": ("play", "mark good", "resumed"),
    "envoy.registered": ("tick", "mark", "registered"),
    "envoy.reregistered": ("tick", "mark", "registered again"),
    "envoy.dead": ("dagger", "mark bad", "its main loop ended"),
}


@dataclass(slots=True)
class _Drawing:
    canvas: Canvas
    ended_s: float
    y: float = 0.0

    def x(self, time_s: float) -> float:
        """Return where a moment stands."""
        share = min(1.0, max(0.0, time_s / self.ended_s)) if self.ended_s else 0.0
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def span(self, span: Span, y: float, height: float, css: str, hint: str) -> None:
        """Draw a stretch of time."""
        begin, end = self.x(span.begin_s), self.x(span.end_s)
        when = f"{clock(span.begin_s)} to {clock(span.end_s)}"
        self.canvas.rect(begin, y, end - begin, height, css=css, hint=f"{hint}, {when}")

    def label(self, name: str, y: float, css: str = "name") -> None:
        """Write what a row is about, left of it."""
        short = name if len(name) <= _NAME_CHARS else f"{name[: _NAME_CHARS - 1]}…"
        self.canvas.words(_LEFT - 8, y, short, css, hint=name)

    def heading(self, words: str) -> None:
        """Begin a group of rows."""
        self.y += 10
        self.canvas.words(0, self.y + 9, words, "heading")
        self.y += 15


def timeline(summary: Summary) -> str:
    """Return the picture as SVG, to stand in a page that has its styles."""
    drawing = _Drawing(Canvas(_WIDTH), summary.ended_s)
    _axis(drawing)
    _phases(drawing, summary)
    top = drawing.y
    _director(drawing, summary)
    _faults(drawing, summary)
    _experiments(drawing, summary.experiments)
    _envoys(drawing, summary)
    for phase in summary.phases[1:]:
        x = drawing.x(phase.begin_s)
        drawing.canvas.line(x, top, x, drawing.y, "border")
    return drawing.canvas.to_svg("Timeline of the run", "timeline")


def _axis(drawing: _Drawing) -> None:
    step_s = next((s for s in _STEPS_S if drawing.ended_s / s <= _MOST_TICKS), _STEPS_S[-1])
    for nth in range(int(drawing.ended_s / step_s) + 1):
        drawing.canvas.words(drawing.x(nth * step_s), 11, _tick(nth * step_s), "tick")
    drawing.y = 18


def _tick(time_s: float) -> str:
    return clock(time_s).removesuffix(".0")


def _phases(drawing: _Drawing, summary: Summary) -> None:
    for nth, phase in enumerate(summary.phases):
        begin, end = drawing.x(phase.begin_s), drawing.x(phase.end_s)
        css = "phase recover" if phase.name == "recover" else f"phase p{nth % 2}"
        hint = f"{phase.name}, {clock(phase.begin_s)} to {clock(phase.end_s)}"
        drawing.canvas.rect(begin, drawing.y, end - begin, 20, css=css, hint=hint)
        # Seven pixels a letter: what does not fit is told by the hint.
        if end - begin > 7 * len(phase.name):
            drawing.canvas.words((begin + end) / 2, drawing.y + 14, phase.name, "phase-name")
    drawing.label("phase", drawing.y + 14)
    drawing.y += 24


def _director(drawing: _Drawing, summary: Summary) -> None:
    if not summary.downtimes:
        return
    drawing.label("Director", drawing.y + 11)
    up_s = 0.0
    for down in summary.downtimes:
        up = Span(begin_s=up_s, end_s=down.begin_s)
        drawing.span(up, drawing.y + 4, 8, "online", "Director up")
        drawing.span(down, drawing.y + 1, 14, "down", "Director down")
        up_s = down.end_s
    up = Span(begin_s=up_s, end_s=summary.ended_s)
    drawing.span(up, drawing.y + 4, 8, "online", "Director up")
    drawing.y += 18


def _faults(drawing: _Drawing, summary: Summary) -> None:
    if not summary.faults:
        return
    drawing.heading("faults")
    for fault in summary.faults:
        drawing.label(fault.fault, drawing.y + 11)
        drawing.canvas.line(
            drawing.x(0), drawing.y + 8, drawing.x(summary.ended_s), drawing.y + 8, "rail"
        )
        for window in fault.windows:
            who = f" on {window.label}" if window.label else ""
            drawing.span(window, drawing.y + 2, 12, "fault", f"{fault.fault}, {fault.type}{who}")
        if not fault.windows:
            drawing.canvas.words(drawing.x(0) + 4, drawing.y + 12, "never fired", "note bad")
        drawing.y += 17


def _experiments(drawing: _Drawing, lines: Sequence[ExperimentLine]) -> None:
    accepted = [line for line in lines if line.accepted_s is not None]
    refused = [line for line in lines if line.accepted_s is None]
    if not lines:
        return
    drawing.heading("experiments")
    for line in accepted[:MOST_EXPERIMENTS]:
        _experiment(drawing, line)
    _hidden(drawing, len(accepted) - MOST_EXPERIMENTS)
    if refused:
        drawing.label("refused uploads", drawing.y + 11)
        for line in refused:
            hint = f"{line.name} of {line.owner}: {line.told}"
            x = drawing.x(line.submitted_s)
            drawing.canvas.sign("cross", x, drawing.y + 8, "mark", hint)
        drawing.y += 17


def _experiment(drawing: _Drawing, line: ExperimentLine) -> None:
    end_s = drawing.ended_s if line.ended_s is None else line.ended_s
    span = Span(begin_s=line.accepted_s or 0.0, end_s=end_s)
    y = drawing.y
    drawing.label(line.name, y + 12)
    outcome = line.outcome or "unknown"
    hint = f"{line.name} of {line.owner}, {outcome}: {line.told}"
    drawing.span(span, y + 2, 14, f"experiment {outcome}", hint)
    rounds = [(nth, drawing.x(begun_s)) for nth, begun_s in line.rounds_begun]
    ends = [*(x for _, x in rounds[1:]), drawing.x(end_s)]
    for (nth, x), following in zip(rounds, ends, strict=False):
        drawing.canvas.line(x, y + 2, x, y + 16, "round")
        if following - x > _ROUND_PX * len(str(nth)):
            drawing.canvas.words(x + 3, y + 12.5, str(nth), "round-number")
    x = drawing.x(end_s)
    if line.ended_s is None:
        drawing.canvas.sign("arrow", x - 6, y + 9, "mark bad", "not ended")
    fits = x + 8 * len(outcome) < _WIDTH
    drawing.canvas.words(
        x + 5 if fits else x - 14, y + 12.5, outcome, "note" if fits else "note inside"
    )
    drawing.y += 20


def _envoys(drawing: _Drawing, summary: Summary) -> None:
    if not summary.envoys:
        return
    drawing.heading("envoys")
    hits: dict[str, list[tuple[str, Span]]] = {}
    for fault in summary.faults:
        for window in fault.windows:
            for name in window.label.split(", "):
                hits.setdefault(name, []).append((fault.fault, window))
    # Where not all can be shown, those with a story are.
    by_story = sorted(summary.envoys, key=lambda line: not _has_story(line, hits))
    for line in sorted(by_story[:MOST_ENVOYS], key=lambda line: (line.group, _natural(line.name))):
        _envoy(drawing, line, hits.get(line.name, []))
    _hidden(drawing, len(summary.envoys) - MOST_ENVOYS)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts `envoy-10` after `envoy-9`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(name)]


def _has_story(line: EnvoyLine, hits: dict[str, list[tuple[str, Span]]]) -> bool:
    return bool(line.offline or line.away or line.name in hits)


def _envoy(drawing: _Drawing, line: EnvoyLine, hits: Sequence[tuple[str, Span]]) -> None:
    y = drawing.y
    drawing.label(line.name, y + 13)
    for fault, window in hits:
        drawing.span(window, y, 18, "hit", f"{fault} on {line.name}")
    drawing.canvas.line(drawing.x(0), y + 14, drawing.x(drawing.ended_s), y + 14, "rail")
    for span in line.online:
        drawing.span(span, y + 11, 6, "online", f"{line.name} listed online")
    for span in line.offline:
        drawing.span(span, y + 11, 6, "offline", f"{line.name} listed offline")
    for span in line.away:
        drawing.span(span, y + 3, 6, "away", f"{line.name} not running")
    for span in line.downloads:
        drawing.span(span, y + 2, 7, "download", f"{line.name} downloads {span.label}")
    for span in line.trainings:
        drawing.span(span, y + 2, 7, "training", f"{line.name} trains {span.label}")
    for mark in line.marks:
        if mark.topic in _MARKS:
            sign, css, told = _MARKS[mark.topic]
            why = f": {mark.label}" if mark.label else ""
            hint = f"{line.name} {told} at {clock(mark.time_s)}{why}"
            drawing.canvas.sign(sign, drawing.x(mark.time_s), y + 8, css, hint)
    drawing.y += 21


def _hidden(drawing: _Drawing, count: int) -> None:
    if count > 0:
        drawing.canvas.words(_LEFT, drawing.y + 11, f"and {count} more", "note")
        drawing.y += 17


# ---------------------------------------------------------------- curves


_CURVE_WIDTH, _CURVE_HEIGHT = 270.0, 120.0


def loss_curve(line: ExperimentLine) -> str:
    """Return how an experiment's loss fell, as SVG."""
    assert line.loss is not None
    canvas = Canvas(_CURVE_WIDTH, _CURVE_HEIGHT)
    points = line.loss.points
    values = [value for _, value in points]
    low, high = min(0.0, *values), max(values)
    last = max(points[-1][0], 1)

    def place(nth: int, value: float) -> tuple[float, float]:
        height = (value - low) / ((high - low) or 1)
        return 44 + 196 * nth / last, 100 - 84 * height

    for value in (low, high):
        y = place(0, value)[1]
        canvas.line(44, y, 246, y, "rail")
        canvas.words(38, y + 4, f"{value:.3g}", "tick right")
    for nth in sorted({points[0][0], points[-1][0]}):
        canvas.words(place(nth, low)[0], 114, f"round {nth}", "tick")
    places = [place(nth, value) for nth, value in points]
    canvas.path(places, "curve")
    for (x, y), (nth, value) in zip(places, points, strict=True):
        canvas.dot(x, y, "point", f"round {nth}: {value:.6g}")
    return canvas.to_svg(f"{line.loss.metric} of {line.name}", "loss")
