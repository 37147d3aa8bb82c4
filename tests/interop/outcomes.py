"""Holding what an experiment came to against what was computed apart."""

import pytest

from tests.interop.conversation import Answer
from tests.interop.learning import Expected


def assert_as_expected(answer: Answer, wanted: Expected, *, rounding: float = 0.0) -> None:
    """Compare status, models and metrics; without rounding, to the bit."""
    told = answer.value
    assert told["status"] == "finished"
    for which in ("last", "best"):
        model = getattr(wanted, which)
        assert told[which] == {
            name: pytest.approx(values, rel=rounding, abs=rounding)
            for name, values in model.items()
        }
    metrics = {
        (origin, task, name, number): value for origin, task, name, value, number in told["metrics"]
    }
    assert len(metrics) == len(told["metrics"])
    assert metrics == pytest.approx(wanted.metrics, rel=rounding, abs=rounding)
