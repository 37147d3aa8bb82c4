"""Holds the numbers of a run against the service levels that its scenario asks for."""

from collections.abc import Sequence
from typing import NamedTuple

from simulator.checkers.base import Docket, Judgement
from simulator.checkers.slo import Dimension, Slo
from simulator.checkers.slo_measures import Reading, Sample, read
from simulator.history.history import History

_MOST_OCCASIONS = 3
"""So many of those that went beyond a bound are told, the worst first; the rest is counted."""


class Level(NamedTuple):
    """A service level that was judged, and the value that was held against its bound."""

    judgement: Judgement
    measured: str | None


def judge_level(history: History, slo: Slo) -> Level:
    """Judge one service level; what it says tells the value, the bound, and what went beyond."""
    docket = Docket(slo.text)
    reading = read(history, slo.measure)
    if reading is None:
        docket.unsure(f"there was nothing to measure {slo.measure} by")
        return Level(docket.close(), None)
    docket.occasion(reading.samples)
    measured = _range(reading.low, reading.high, slo)
    beyond = _beyond(slo, reading)
    evidence = [sample.evidence for sample in beyond[:_MOST_OCCASIONS]] or reading.evidence
    said = f"{slo.measure} is {measured}, not {slo.operator} {_shown(slo.bound, slo)}"
    keeps = (slo.holds(reading.low), slo.holds(reading.high))
    if not any(keeps):
        docket.broken(said + _told(slo, beyond, reading.samples), *evidence)
    elif not all(keeps):
        said = f"{slo.measure} is {measured}: nobody looked often enough to tell whether it is"
        said = f"{said} {slo.operator} {_shown(slo.bound, slo)}"
        docket.unsure(said + _told(slo, beyond, reading.samples), *evidence)
    return Level(docket.close(), measured)


def _beyond(slo: Slo, reading: Reading) -> Sequence[Sample]:
    """Return the observations that do not keep the bound by themselves, the worst first."""
    beyond = [
        sample
        for sample in reading.observed
        if not (slo.holds(sample.low) and slo.holds(sample.high))
    ]
    if slo.operator.startswith("<"):
        return sorted(beyond, key=lambda sample: -sample.high)
    return sorted(beyond, key=lambda sample: sample.low)


def _told(slo: Slo, beyond: Sequence[Sample], samples: int) -> str:
    if not beyond:
        return ""
    occasions = [
        f"{sample.what} ({_range(sample.low, sample.high, slo)})"
        if slo.measure.dimension is Dimension.TIME
        else sample.what
        for sample in beyond[:_MOST_OCCASIONS]
    ]
    more = len(beyond) - len(occasions)
    others = f", and {more} more" if more else ""
    return f"; {len(beyond)} of {samples} went beyond it: {', '.join(occasions)}{others}"


def _range(low: float, high: float, slo: Slo) -> str:
    first, last = _shown(low, slo), _shown(high, slo)
    return first if first == last else f"{first} to {last}"


def _shown(value: float, slo: Slo) -> str:
    match slo.measure.dimension:
        case Dimension.TIME:
            return f"{1000 * value:.4g} ms" if value < 1 else f"{value:.4g} s"
        case Dimension.SHARE:
            return f"{100 * value:.3g} %"
        case Dimension.RATE:
            return f"{value:.4g}/s"
        case Dimension.COUNT:
            return f"{value:.0f}"
