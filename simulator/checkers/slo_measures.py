"""Reads off a history the numbers that service levels are about.

A number that the record brackets only, because nobody looked in between, is kept as its bounds.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from simulator.checkers.answers import is_answered
from simulator.checkers.base import Evidence, at
from simulator.checkers.liveness_calls import STREAMED
from simulator.checkers.liveness_facts import SIGNS_OF_LIFE, Span, downtimes, recovery
from simulator.checkers.liveness_stories import stories
from simulator.checkers.slo import ALL, Family, Measure, statistic
from simulator.history.calls import Call
from simulator.history.entry import Entry, JsonObject
from simulator.history.fields import flag, number, tables, text
from simulator.history.history import History


class Sample(NamedTuple):
    """One observation: at least `low`, at most `high`; both the same where it is exact."""

    low: float
    high: float
    what: str
    """Whose it is and when, told for people."""
    evidence: Evidence


class Reading(NamedTuple):
    """A measure's value, and what it was made of."""

    low: float
    high: float
    samples: int
    evidence: Sequence[Evidence]
    """What stands for the whole, where no single observation does."""
    observed: Sequence[Sample] = ()
    """Those that can be beyond a bound by themselves; of errors, the calls that failed."""


def read(history: History, measure: Measure) -> Reading | None:
    """Return a measure of a run; None where there was nothing to measure."""
    match measure.family:
        case Family.ERRORS | Family.RATE | Family.COUNT:
            return _one_number(history, measure)
        case _:
            samples = list(_samples(history, measure))
    if not samples:
        return None
    worst = max(samples, key=lambda sample: sample.high)
    return Reading(
        low=statistic(measure.statistic, (sample.low for sample in samples)),
        high=statistic(measure.statistic, (sample.high for sample in samples)),
        samples=len(samples),
        evidence=(worst.evidence,),
        observed=samples,
    )


def _one_number(history: History, measure: Measure) -> Reading | None:
    calls = _calls(history, measure.rpc)
    good = [call for call in calls if call.is_ok]
    if measure.family is Family.COUNT:
        return Reading(len(good), len(good), len(calls), good[-1:])
    over = [call for call in calls if call.completed_at is not None]
    if not over:
        return None
    if measure.family is Family.ERRORS:
        bad = [call for call in over if not call.is_ok]
        share = len(bad) / len(over)
        failed = [Sample(1.0, 1.0, f"{_told(call)} ({call.code})", call) for call in bad]
        return Reading(share, share, len(over), bad[:1], failed)
    span_s = over[-1].invoked_at - over[0].invoked_at
    if not span_s:
        return None
    return Reading(len(good) / span_s, len(good) / span_s, len(good), good[-1:])


def _calls(history: History, rpc: str) -> Sequence[Call]:
    if rpc == ALL:
        return [call for call in history.all_calls if call.topic not in STREAMED]
    return history.calls(rpc)


def _samples(history: History, measure: Measure) -> Iterator[Sample]:
    match measure.family:
        case Family.OFFLINE_DETECTION:
            return _silences(history)
        case Family.COMEBACK:
            return _comebacks(history)
        case Family.DELIVERY:
            return _deliveries(history)
        case Family.DURATION:
            return _durations(history)
        case Family.LAG:
            lags = history.notes("harness.lag")
            return (_exact(number(note.value, "max_s"), "the simulator", note) for note in lags)
        case _:
            return _latencies(_calls(history, measure.rpc))


def _latencies(calls: Sequence[Call]) -> Iterator[Sample]:
    for call in calls:
        if is_answered(call) and call.completed_at is not None:
            yield _exact(call.completed_at - call.invoked_at, _told(call), call)


def _told(call: Call) -> str:
    return f"{call.topic} of {call.actor} {at(call.invoked_at)}"


def _exact(value: float, what: str, evidence: Evidence) -> Sample:
    return Sample(value, value, what, evidence)


# ---------------------------------------------------------------- presence


class _Sight(NamedTuple):
    call: Call
    rows: Mapping[str, JsonObject]
    """By envoy."""

    def shows(self, envoy: str) -> bool | None:
        """Whether it says that an envoy is online; None where it does not list it."""
        return flag(self.rows[envoy], "online") if envoy in self.rows else None


def _sights(history: History) -> Sequence[_Sight]:
    return [
        _Sight(call, {text(row, "name"): row for row in tables(call.response, "envoys")})
        for call in history.calls("GetEnvoys")
        if call.is_ok
    ]


def _silences(history: History) -> Iterator[Sample]:
    """Measure how long each envoy that fell silent was still listed as online.

    From its last sign of life to its first listing as offline, and at least to the last listing
    that showed it online.  While the Director is down it lists nobody, and that time is not its.
    """
    sights, downs = _sights(history), downtimes(history)
    for envoy in history.actors:
        signs = sorted(
            call.invoked_at
            for topic in SIGNS_OF_LIFE
            for call in history.calls(topic, envoy)
            if is_answered(call)
        )
        shown: _Sight | None = None
        for sight in sights:
            online = sight.shows(envoy)
            if online:
                shown = sight
            elif online is False and shown is not None and sight.call.completed_at is not None:
                # A sign whose answer got lost may have arrived; the listings tell when one did.
                # A Director that was killed in between may have forgotten it, the earlier has not.
                heard = max(number(each.rows[envoy], "updated") for each in (shown, sight))
                before = bisect_right(signs, sight.call.invoked_at)
                last = max([heard - history.header.epoch, *signs[before - 1 : before]])
                low = max(0.0, shown.call.invoked_at - last)
                high = sight.call.completed_at - last
                away = _overlap(downs, shown.call.invoked_at, sight.call.completed_at)
                yield Sample(low, high - away, f"{envoy}, silent since {last:.1f} s", sight.call)
                shown = None


def _overlap(spans: Sequence[Span], begin: float, end: float) -> float:
    """Return how much of a stretch lies within spans, which do not overlap."""
    return sum(max(0.0, min(span.end, end) - max(span.begin, begin)) for span in spans)


def _comebacks(history: History) -> Iterator[Sample]:
    """Measure how long each envoy took to be listed online, from each start and the recovery."""
    window = recovery(history)
    begins = [note.time for note in _restarts(history)]
    if window is not None:
        begins.append(window.begin)
    sights = _sights(history)
    for begin in begins:
        before = begin
        waiting = dict.fromkeys(a.name for a in history.actors.values() if a.kind == "envoy")
        for sight in sights:
            if sight.call.invoked_at < begin or sight.call.completed_at is None:
                continue
            for envoy in [name for name in waiting if sight.shows(name)]:
                del waiting[envoy]
                back_s = sight.call.completed_at - begin
                yield Sample(
                    before - begin, back_s, f"{envoy}, counted from {begin:.1f} s", sight.call
                )
            before = sight.call.invoked_at


def _restarts(history: History) -> Sequence[Entry]:
    return history.notes("director.start")[1:]


# ---------------------------------------------------------------- experiments


def _durations(history: History) -> Iterator[Sample]:
    for story in stories(history):
        if story.ended is not None:
            took_s = story.ended[0] - story.accepted_at
            yield _exact(took_s, f"{story.name} of {story.owner}", story.ended[1])


def _deliveries(history: History) -> Iterator[Sample]:
    """Measure from acceptance to the arrival at each collaborator that had been waiting."""
    for story in stories(history):
        for envoy in story.collaborators:
            for wait in history.calls("WaitExperiment", envoy):
                if wait.invoked_at > story.accepted_at:
                    break
                if wait.is_ok and text(wait.response, "experiment") == story.name:
                    arrived = wait.completed_at or 0.0
                    if arrived >= story.accepted.invoked_at:
                        took_s = max(0.0, arrived - story.accepted_at)
                        yield _exact(took_s, f"{story.name} to {envoy} {at(arrived)}", wait)
                        break
