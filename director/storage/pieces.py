"""A snapshot as JSON in small pieces, so that no other thread has to wait for the whole of it.

A federation of a hundred thousand makes thirty megabytes, and whoever turns all of it into JSON at
once keeps every heartbeat waiting for a second, in whatever thread that is.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from director.core.model import Metric
from director.core.snapshots import EnvoyRecord, ExperimentRecord, Snapshot

JsonObject = dict[str, Any]

_SLICE = 128
"""Of envoys or metrics: about a millisecond's work."""


def in_json(content: object) -> bytes:
    """Return it as JSON in ASCII, on one line."""
    # Python's own JSON knows values that are not finite, such as the metric of a failed model.
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def pieces(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield JSON that is read as the snapshot."""
    head = adapter_of(Snapshot).dump_python(
        replace(snapshot, envoys=(), experiments=()), exclude_defaults=True
    )
    yield in_json(head)[:-1]
    yield b',"envoys":['
    yield from _sliced(snapshot.envoys, adapter_of(tuple[EnvoyRecord, ...]))
    yield b'],"experiments":['
    for number, record in enumerate(snapshot.experiments):
        if number:
            yield b","
        yield from _experiment(record)
    yield b"]}"


def _experiment(record: ExperimentRecord) -> Iterator[bytes]:
    metrics = record.checkpoint.metrics
    small = replace(record, checkpoint=replace(record.checkpoint, metrics=()))
    content: JsonObject = adapter_of(ExperimentRecord).dump_python(small, exclude_defaults=True)
    checkpoint = content.pop("checkpoint")
    yield in_json(content)[:-1]
    yield b',"checkpoint":'
    yield in_json(checkpoint)[:-1]
    yield b',"metrics":['
    yield from _sliced(metrics, adapter_of(tuple[Metric, ...]))
    yield b"]}}"


def _sliced(values: Sequence[object], adapter: TypeAdapter[Any]) -> Iterator[bytes]:
    for start in range(0, len(values), _SLICE):
        part = values[start : start + _SLICE]
        if start:
            yield b","
        yield in_json(adapter.dump_python(part, exclude_defaults=True))[1:-1]


@cache
def adapter_of(kind: Any) -> TypeAdapter[Any]:
    """Return what turns values of a type into plain ones, and JSON into values of it."""
    # Made when first needed: a start needs a few of them, and all take as long as the federation.
    return TypeAdapter(kind)
