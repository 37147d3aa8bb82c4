"""Metrics come back from the disk as they were, whatever their values."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from director.core.measured import metrics_from_bytes, metrics_to_bytes
from director.core.model import Metric

metrics = st.lists(st.builds(Metric)).map(tuple)


@given(metrics)
def test_stored_metrics_are_read_as_they_were(metrics: tuple[Metric, ...]) -> None:
    again = metrics_from_bytes(metrics_to_bytes(metrics))

    assert repr(again) == repr(metrics)  # NaN is equal to itself only in text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"squall-metrics-2\n[]",
        b"squall-metrics-1\n[",
        b"squall-metrics-1\n{}",
        b'squall-metrics-1\n[["a","train","loss",1]]',
    ],
)
def test_what_is_no_stored_metrics_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"metrics|JSON|Expecting"):
        metrics_from_bytes(content)
