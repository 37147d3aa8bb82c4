"""What training has brought, before and after the Director went down: models and metrics."""

from collections.abc import Mapping, Sequence

from simulator.checkers.base import Docket, at, when
from simulator.checkers.crashes import Crashes, Trust
from simulator.checkers.metrics import AGGREGATOR
from simulator.checkers.tensors import digest, model_of
from simulator.history.calls import Call
from simulator.history.entry import Entry, Json
from simulator.history.fields import items, text


def judge_models(docket: Docket, crashes: Crashes, trust: Trust) -> None:
    """The models of what has ended stay the same, bit for bit."""
    fetched: dict[str, tuple[Call, Mapping[str, str]]] = {}
    for call in trust.questions:
        if call.topic != "GetTrainedModel" or not call.is_ok or not trust.had_ended(call):
            continue
        kind = text(call.request, "kind")
        model = {name: digest(one) for name, one in model_of(call.response, "tensors").items()}
        first, expected = fetched.setdefault(kind, (call, model))
        crash = crashes.between(first.ended_index, call.invoke_index)
        if crash is None:
            continue
        docket.occasion()
        if model != expected:
            was = "another" if model else "nothing"
            docket.broken(
                f"the {kind} model of {trust.what}, fetched {when(first)}, was {was}"
                f" {when(call)}, after the Director had gone down {at(crash.time)}",
                first,
                crash,
                call,
            )


def judge_metrics(docket: Docket, crashes: Crashes, trust: Trust) -> None:
    """The metrics of closed rounds stay as they were, and those of what has ended are all."""
    known: tuple[Call, Sequence[Json]] | None = None
    for call in trust.streams:
        metrics = items(call.response, "metrics")
        if known is not None:
            # A stream ends with its Director, but what it brought had come before.
            crash = crashes.between(known[0].invoke_index, call.invoke_index)
            if crash is not None:
                docket.occasion()
                _compare(docket, trust, known, (call, metrics), crash)
        is_final = call.is_ok and trust.had_ended(call)
        certain = metrics if is_final else _closed(metrics)
        if certain and (known is None or len(certain) > len(known[1])):
            known = (call, certain)


def _closed(metrics: Sequence[Json]) -> Sequence[Json]:
    """Return the metrics of rounds that had closed: the Director's own means end each."""
    for count in range(len(metrics), 0, -1):
        metric = metrics[count - 1]
        if isinstance(metric, list | tuple) and metric[0] == AGGREGATOR:
            return metrics[:count]
    return ()


def _compare(
    docket: Docket,
    trust: Trust,
    known: tuple[Call, Sequence[Json]],
    seen: tuple[Call, Sequence[Json]],
    crash: Entry,
) -> None:
    (before, expected), (call, metrics) = known, seen
    told = f"{trust.what} {when(call)}, after the Director had gone down {at(crash.time)},"
    pairs = enumerate(zip(expected, metrics, strict=False), start=1)
    differing = next((number for number, (one, other) in pairs if one != other), None)
    if differing is not None:
        docket.broken(
            f"the metrics of {told} differ from those {when(before)} from number {differing} on",
            before,
            crash,
            call,
        )
    elif call.is_ok and len(metrics) < len(expected):
        docket.broken(
            f"the metrics of {told} were only {len(metrics)}; {when(before)} they were"
            f" {len(expected)}",
            before,
            crash,
            call,
        )
