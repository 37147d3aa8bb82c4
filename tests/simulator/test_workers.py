"""Work in other processes: what comes of it where they die, and where nobody wants it any more."""

import os
import signal

import pytest

from simulator.workers import Died, in_processes

pytestmark = pytest.mark.slow


def doubled(number: int) -> int:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def test_outcomes_come_with_their_places() -> None:
    outcomes = dict(in_processes(doubled, [3, 4], jobs=2))

    assert outcomes == {0: 6, 1: 8}


def test_a_process_that_dies_takes_nobody_along() -> None:
    outcomes = dict(in_processes(doubled, [-1, 1], jobs=1))

    assert outcomes == {0: Died(), 1: 2}


def test_nothing_to_do_needs_nobody() -> None:
    assert dict(in_processes(doubled, [], jobs=2)) == {}
