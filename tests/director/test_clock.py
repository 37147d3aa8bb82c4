"""The time of day goes on evenly, whatever is done to the machine's clock."""

import time

import pytest

from director.clock import SystemClock

NOON = 1_700_000_000.0
HOUR_S = 3_600.0


def set_clock(monkeypatch: pytest.MonkeyPatch, to: float) -> None:
    monkeypatch.setattr(time, "time", lambda: to)


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_is_set_while_it_is_read_does_not_step(
    step_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, NOON)
    clock = SystemClock()

    set_clock(monkeypatch, NOON + step_s)

    assert NOON <= clock.now() < NOON + HOUR_S


def test_the_next_start_takes_up_what_the_clock_was_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, NOON)
    SystemClock()
    set_clock(monkeypatch, NOON - HOUR_S)

    assert NOON - HOUR_S <= SystemClock().now() < NOON
