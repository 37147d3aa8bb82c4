"""An experiment's metrics between memory and disk: a line that names the layout, then JSON."""

import json
from collections.abc import Iterable

from director.core.model import Metric

_MAGIC = b"squall-metrics-1\n"
"""A later layout gets another number: a reader knows at once whether it can read on."""


def metrics_to_bytes(metrics: Iterable[Metric]) -> bytes:
    """Return the metrics in a layout of our own; their order is kept."""
    rows = [[told.origin, told.task, told.name, told.value, told.round] for told in metrics]
    return _MAGIC + json.dumps(rows, separators=(",", ":")).encode()


def metrics_from_bytes(content: bytes) -> tuple[Metric, ...]:
    """Return the metrics that `metrics_to_bytes` wrote.

    Raises:
        ValueError: these are not bytes of a layout that we know.
    """
    if not content.startswith(_MAGIC):
        raise ValueError("not stored metrics of this version")
    rows: object = json.loads(content[len(_MAGIC) :])
    return tuple(_metric(row) for row in (rows if isinstance(rows, list) else [rows]))


def _metric(row: object) -> Metric:
    match row:
        case [str(origin), str(task), str(name), float(value), int(round_number)]:
            return Metric(origin=origin, task=task, name=name, value=value, round=round_number)
        case _:
            raise ValueError("stored metrics have one that is incomplete")
