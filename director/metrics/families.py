"""Figures as families of Prometheus metrics: names, labels and help, and nothing that acts.

What gRPC servers in other languages count has the names that they gave it, so that dashboards fit.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from director.figures import DirectorFigures, Histogram, RequestFigures

_METHOD = ("grpc_type", "grpc_service", "grpc_method")


def request_families(requests: Sequence[RequestFigures]) -> Iterator[Metric]:
    """Yield what was counted of each RPC that was ever called."""
    yield _counter(
        "grpc_server_started",
        "RPCs that reached a handler.",
        _METHOD,
        ((_method(request), request.begun) for request in requests),
    )
    yield _counter(
        "grpc_server_handled",
        "RPCs that ended, by the code that they ended with.",
        (*_METHOD, "grpc_code"),
        (
            ((*_method(request), code), count)
            for request in requests
            for code, count in request.ended.items()
        ),
    )
    seconds = HistogramMetricFamily(
        "grpc_server_handling_seconds",
        "How long RPCs took: long polls as long as they were parked, streams to their end.",
        labels=_METHOD,
    )
    for request in requests:
        _add(seconds, _method(request), request.seconds)
    yield seconds
    yield _counter(
        "grpc_server_msg_received",
        "Messages received.",
        _METHOD,
        ((_method(request), request.received_messages) for request in requests),
    )
    yield _counter(
        "grpc_server_msg_sent",
        "Messages sent.",
        _METHOD,
        ((_method(request), request.sent_messages) for request in requests),
    )
    yield _counter(
        "squall_received_bytes",
        "Bytes of messages received: archives come in by SetNewExperiment.",
        _METHOD,
        ((_method(request), request.received_bytes) for request in requests),
    )
    yield _counter(
        "squall_sent_bytes",
        "Bytes of messages sent: archives go out by GetExperimentData.",
        _METHOD,
        ((_method(request), request.sent_bytes) for request in requests),
    )


def director_families(figures: DirectorFigures) -> Iterator[Metric]:
    """Yield what the Director counts of its federation and of itself."""
    envoys = GaugeMetricFamily(
        "squall_envoys",
        "Registered envoys: online are those that gave a sign of life within two periods.",
        labels=("state",),
    )
    envoys.add_metric(("online",), figures.envoys_online)
    envoys.add_metric(("offline",), figures.envoys - figures.envoys_online)
    yield envoys
    experiments = GaugeMetricFamily(
        "squall_experiments", "Experiments that were not removed.", labels=("status",)
    )
    for status, count in figures.experiments.items():
        experiments.add_metric((status,), count)
    yield experiments
    held = GaugeMetricFamily(
        "squall_held",
        "What comes and goes; waits are long polls that are parked.",
        labels=("kind",),
    )
    for kind, count in figures.held.items():
        held.add_metric((kind,), count)
    yield held
    yield CounterMetricFamily(
        "squall_rounds_closed", "Rounds of aggregation that closed.", value=figures.rounds_closed
    )
    yield CounterMetricFamily(
        "squall_failure_reports_refused",
        "Failure reports that changed nothing: of strangers, repeated, or too late.",
        value=figures.refused_failure_reports,
    )
    appends = HistogramMetricFamily(
        "squall_journal_append_seconds", "How long it took until an event would survive.", labels=()
    )
    _add(appends, (), figures.journal_seconds)
    yield appends
    yield CounterMetricFamily(
        "squall_journal_append_failures",
        "Events that could not be written down; whoever caused them was told UNAVAILABLE.",
        value=figures.journal_failures,
    )


def _method(request: RequestFigures) -> tuple[str, ...]:
    return request.kind, request.service, request.method


def _counter(
    name: str, told: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], int]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, told, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _add(family: HistogramMetricFamily, labels: Sequence[str], histogram: Histogram) -> None:
    bounds = (*(str(float(bound)) for bound in histogram.bounds), "+Inf")
    buckets = list(zip(bounds, histogram.cumulative(), strict=True))
    family.add_metric(labels, buckets, histogram.total)
