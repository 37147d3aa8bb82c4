"""What followers see of an experiment's metrics, held against each other and what was sent."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from simulator.checkers.base import Checker, Docket, when
from simulator.checkers.experiments import Experiments, owner_of
from simulator.checkers.runs import Key, Run, Runs
from simulator.history.calls import NEVER, Call
from simulator.history.entry import Json
from simulator.history.fields import (
    RecordError,
    as_number,
    as_text,
    items,
    number,
    table,
    text,
)
from simulator.history.history import History

AGGREGATOR = "aggregator"
"""The origin of what was averaged over a round."""

CLOSE = 1e-5
"""How much two ways to compute a value may differ, relative to the value or to 1."""


_MOST_DOUBTS = 6
"""Of more collaborators than these it is not tried out who counted."""


class Metric(NamedTuple):
    """One metric, as a follower saw it."""

    origin: str
    task: str
    name: str
    value: float
    round: int

    @property
    def label(self) -> tuple[str, str, str, int]:
        """All but its value: each comes once."""
        return (self.origin, self.task, self.name, self.round)

    @property
    def key(self) -> Key:
        """Which result it came with."""
        return Key(self.origin, self.round, self.task)

    def __str__(self) -> str:
        return f"{self.name} of {self.origin} for {self.task} in round {self.round}"


class Stream(NamedTuple):
    """What one follower saw."""

    call: Call
    metrics: Sequence[Metric]
    is_whole: bool
    """Whether it went on to the experiment's own end."""

    def __str__(self) -> str:
        return f"the stream of {self.call.actor} {when(self.call)}"


class FollowersSeeAll(Checker):
    """A stream of metrics has them all, once, in one order for everybody."""

    guarantee = "metrics"
    promise = (
        "Every follower sees every metric of its experiment once and in order, whatever other"
        " followers do; a follower that comes back sees all again from the start."
    )

    def examine(self, history: History, docket: Docket) -> None:
        experiments = Experiments(history)
        runs = Runs(history, experiments)
        groups: dict[tuple[int, int], list[Stream]] = {}
        for call in history.calls("GetMetricStream"):
            submission = experiments.only_candidate(text(call.request, "experiment"), call)
            if submission is None or owner_of(call) != submission.owner:
                continue  # What strangers are told is a matter of ownership.
            if not (call.is_ok or call.response.get("metrics")):
                continue  # It never began.
            if history.spans_a_restart(call.invoke_index, call.ended_index):
                continue
            docket.occasion()
            stream = _stream(call, is_whole=submission.may_go_index > call.ended_index)
            _judge_order(docket, stream)
            run = runs.of(submission)
            if run is not None:
                _judge_sources(docket, stream, run)
                if stream.is_whole and run.finished_index < NEVER:
                    _judge_completeness(docket, stream, run)
            # A restart may bring what was not acknowledged again in another order.
            group = (submission.call.number, history.life(call.invoke_index))
            groups.setdefault(group, []).append(stream)
        for streams in groups.values():
            _compare(docket, streams)


# ---------------------------------------------------------------- one stream by itself


def _judge_order(docket: Docket, stream: Stream) -> None:
    seen: set[tuple[str, str, str, int]] = set()
    closed: set[tuple[str, str, int]] = set()
    latest = 0
    for metric in stream.metrics:
        average = (metric.task, metric.name, metric.round)
        if metric.label in seen:
            docket.broken(f"{stream} brought {metric} twice", stream.call)
            return
        if metric.round < latest or (metric.origin != AGGREGATOR and average in closed):
            docket.broken(f"{stream} brought {metric} after the round had closed", stream.call)
            return
        seen.add(metric.label)
        latest = metric.round
        if metric.origin == AGGREGATOR:
            closed.add(average)


def _judge_sources(docket: Docket, stream: Stream, run: Run) -> None:
    """Everything in a stream was sent, or is the mean of what was sent."""
    measured: dict[tuple[str, str, int], list[Metric]] = {}
    for metric in stream.metrics:
        average = (metric.task, metric.name, metric.round)
        if metric.origin == AGGREGATOR:
            _judge_average(docket, stream, run, metric, measured.get(average, []))
            continue
        measured.setdefault(average, []).append(metric)
        sent = [
            result
            for result in run.results.get(metric.round, {}).get(metric.key, ())
            if result.invoke_index < stream.call.ended_index and metric.name in _metrics(result)
        ]
        if not sent:
            docket.broken(f"{stream} brought {metric}, which nobody had sent", stream.call)
        elif not any(_is_close(_value(result, metric.name), metric.value) for result in sent):
            docket.broken(
                f"{stream} brought {metric} as {metric.value:g}; sent was"
                f" {_value(sent[0], metric.name):g}",
                sent[0],
                stream.call,
            )


def _judge_average(
    docket: Docket, stream: Stream, run: Run, metric: Metric, measured: Sequence[Metric]
) -> None:
    weights: dict[Metric, float] = {}
    for each in measured:
        sizes = {
            number(result.request, "data_size")
            for result in run.results.get(each.round, {}).get(each.key, ())
        }
        if len(sizes) != 1:
            return  # Sent several times with different weights: nobody can tell which counted.
        weights[each] = sizes.pop()
    possible = [
        mean([(weights[each], each.value) for each in way])
        for way in _ways(run, metric.round, measured)
    ]
    if not weights:
        docket.broken(f"{stream} brought {metric}, though nobody had measured it", stream.call)
    elif possible and not any(_is_close(expected, metric.value) for expected in possible):
        docket.broken(
            f"{stream} brought {metric} as {metric.value:g}; the weighted mean is {possible[0]:g}",
            stream.call,
        )


def _ways(run: Run, round_number: int, measured: Sequence[Metric]) -> Iterator[Sequence[Metric]]:
    """Yield of whom a mean may be, nothing where too many may have been too late.

    Who had not reported everything does not count, although what it measured was seen.
    """
    options: list[Sequence[Metric | None]] = [
        [each] if run.must_count(each.origin, round_number) else [each, None]
        for each in measured
        if run.may_count(each.origin, round_number)
    ]
    if sum(len(option) > 1 for option in options) > _MOST_DOUBTS:
        return
    for way in product(*options):
        counted = tuple(each for each in way if each is not None)
        if counted:
            yield counted


def _judge_completeness(docket: Docket, stream: Stream, run: Run) -> None:
    """A stream that went on to the end has everything that counted."""
    brought = {metric.label for metric in stream.metrics}
    for results in run.results.values():
        for key, calls in results.items():
            if key not in run.certain:
                continue
            # Where it was sent several times, only what was the same each time must be there.
            common = [
                name for name in _metrics(calls[0]) if all(name in _metrics(c) for c in calls)
            ]
            for name in common:
                _demand(docket, stream, brought, (key.sender, key.task, name, key.round), calls[0])
    for metric in stream.metrics:
        _demand(docket, stream, brought, (AGGREGATOR, *metric.label[1:]), None)


def _demand(
    docket: Docket,
    stream: Stream,
    brought: set[tuple[str, str, str, int]],
    label: tuple[str, str, str, int],
    sent: Call | None,
) -> None:
    if label in brought:
        return
    # Once is enough: what is missing in one place is told once.
    brought.add(label)
    origin, task, name, round_number = label
    docket.broken(
        f"{stream} ended without {name} of {origin} for {task} in round {round_number}",
        *([] if sent is None else [sent]),
        stream.call,
    )


# ---------------------------------------------------------------- streams side by side


def _compare(docket: Docket, streams: Sequence[Stream]) -> None:
    """Each is the beginning of the longest; and who stayed to the end has it all."""
    longest = max(streams, key=lambda stream: len(stream.metrics))
    for stream in streams:
        if stream is longest:
            continue
        for position, (one, other) in enumerate(
            zip(stream.metrics, longest.metrics, strict=False), start=1
        ):
            if one != other:
                docket.broken(
                    f"{stream} and {longest} differ: as number {position} the one brought {one},"
                    f" the other {other}",
                    stream.call,
                    longest.call,
                )
                break
        else:
            if stream.is_whole and len(stream.metrics) < len(longest.metrics):
                docket.broken(
                    f"{stream} ended with {len(stream.metrics)} metrics, but {longest} brought"
                    f" {len(longest.metrics)}",
                    stream.call,
                    longest.call,
                )


# ---------------------------------------------------------------- reading


def mean(weighted: Sequence[tuple[float, float]]) -> float:
    """Return the mean of values by their weights; of the plain values where all weigh nothing."""
    total = sum(weight for weight, _ in weighted)
    if not total:
        return sum(value for _, value in weighted) / len(weighted)
    return sum(weight * value for weight, value in weighted) / total


def _stream(call: Call, *, is_whole: bool) -> Stream:
    metrics = tuple(_metric(item) for item in items(call.response, "metrics"))
    return Stream(call, metrics, call.is_ok and is_whole)


def _metric(item: Json) -> Metric:
    if not isinstance(item, list | tuple) or len(item) != len(Metric._fields):
        raise RecordError(f"{item!r} is no metric")
    origin, task, name, value, round_number = item
    return Metric(
        as_text(origin, "origin"),
        as_text(task, "task"),
        as_text(name, "metric"),
        as_number(value, "value"),
        int(as_number(round_number, "round")),
    )


def _metrics(result: Call) -> Sequence[str]:
    return tuple(table(result.request, "metrics"))


def _value(result: Call, name: str) -> float:
    first, *_ = items(table(result.request, "metrics"), name)
    return as_number(first, name)


def _is_close(expected: float, value: float) -> bool:
    return abs(expected - value) <= CLOSE * max(1.0, abs(expected))
