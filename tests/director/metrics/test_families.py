"""How figures look to Prometheus."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from director.core.lifecycle import Status
from director.figures import DirectorFigures, Histogram, RequestFigures
from director.metrics.families import director_families, request_families


class Fixed(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def shown(families: Iterable[Metric]) -> list[str]:
    """Return the lines that Prometheus is given, without what is said about them."""
    registry = CollectorRegistry()
    registry.register(Fixed(families))
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_a_histogram_counts_each_value_in_the_first_bound_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))

    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)

    assert histogram.cumulative() == (2, 3, 4)
    assert (histogram.count, histogram.total) == (4, 12.0)
    assert repr(histogram) == "<Histogram of 4 values, 12 in all>"


def test_requests_are_shown_as_grpc_servers_in_other_languages_show_them() -> None:
    seconds = Histogram((0.1, 5))
    seconds.observe(0.25)
    figures = RequestFigures(
        kind="unary",
        service="openfl.director.Director",
        method="GetEnvoys",
        begun=3,
        ended={"OK": 1, "CANCELLED": 1},
        seconds=seconds,
        received_messages=3,
        received_bytes=30,
        sent_messages=1,
        sent_bytes=7,
    )

    lines = shown(request_families([figures]))

    where = 'grpc_method="GetEnvoys",grpc_service="openfl.director.Director",grpc_type="unary"'
    assert lines == [
        f"grpc_server_started_total{{{where}}} 3.0",
        f'grpc_server_handled_total{{grpc_code="OK",{where}}} 1.0',
        f'grpc_server_handled_total{{grpc_code="CANCELLED",{where}}} 1.0',
        f'grpc_server_handling_seconds_bucket{{{where},le="0.1"}} 0.0',
        f'grpc_server_handling_seconds_bucket{{{where},le="5.0"}} 1.0',
        f'grpc_server_handling_seconds_bucket{{{where},le="+Inf"}} 1.0',
        f"grpc_server_handling_seconds_count{{{where}}} 1.0",
        f"grpc_server_handling_seconds_sum{{{where}}} 0.25",
        f"grpc_server_msg_received_total{{{where}}} 3.0",
        f"grpc_server_msg_sent_total{{{where}}} 1.0",
        f"squall_received_bytes_total{{{where}}} 30.0",
        f"squall_sent_bytes_total{{{where}}} 7.0",
    ]


def test_a_federation_is_shown_with_every_status_there_is() -> None:
    appends = Histogram((0.1,))
    appends.observe(0.05)
    figures = DirectorFigures(
        envoys=5,
        envoys_online=3,
        experiments={status: int(status is Status.PENDING) for status in Status},
        held={"waits": 2, "tasks": 0},
        rounds_closed=7,
        refused_failure_reports=1,
        journal_seconds=appends,
        journal_failures=4,
    )

    assert shown(director_families(figures)) == [
        'squall_envoys{state="online"} 3.0',
        'squall_envoys{state="offline"} 2.0',
        'squall_experiments{status="pending"} 1.0',
        'squall_experiments{status="in_progress"} 0.0',
        'squall_experiments{status="finished"} 0.0',
        'squall_experiments{status="failed"} 0.0',
        'squall_experiments{status="rejected"} 0.0',
        'squall_held{kind="waits"} 2.0',
        'squall_held{kind="tasks"} 0.0',
        "squall_rounds_closed_total 7.0",
        "squall_failure_reports_refused_total 1.0",
        'squall_journal_append_seconds_bucket{le="0.1"} 1.0',
        'squall_journal_append_seconds_bucket{le="+Inf"} 1.0',
        "squall_journal_append_seconds_count 1.0",
        "squall_journal_append_seconds_sum 0.05",
        "squall_journal_append_failures_total 4.0",
    ]
