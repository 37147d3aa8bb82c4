"""durability: envoys that were registered before the Director went down are known afterwards."""

import pytest

from tests.simulator.checkers.given import broken, holds
from tests.simulator.checkers.restarts import DURABILITY, accepted, back


@pytest.mark.parametrize("code", ["NOT_FOUND", "RESOURCE_EXHAUSTED"])
def test_an_envoy_may_be_told_to_register_again(code: str) -> None:
    record = back(accepted())
    record.beats("a").refused(code)

    assert holds(record.judged_by(DURABILITY))


def test_an_envoy_that_is_sent_away_for_another_reason_is_a_breach() -> None:
    record = back(accepted())
    record.waits("a").refused("PERMISSION_DENIED")

    assert "WaitExperiment of a, registered at 0.0 s, was answered PERMISSION_DENIED" in (
        broken(record.judged_by(DURABILITY))
    )


def test_who_never_registered_may_be_told_anything() -> None:
    record = back(accepted())
    record.beats("b").refused("PERMISSION_DENIED")

    assert holds(record.judged_by(DURABILITY))


def test_an_envoy_that_is_answered_and_not_listed_is_a_breach() -> None:
    record = back(accepted())
    record.beats("a").ok()
    record.at(25).lists("alice").ok()

    assert "a was answered at 20.0 s as if it were registered, but is missing" in (
        broken(record.judged_by(DURABILITY))
    )


def test_an_envoy_that_is_not_back_yet_need_not_be_listed() -> None:
    record = back(accepted())
    record.lists("alice").ok()
    record.beats("a").ok()

    assert holds(record.judged_by(DURABILITY))
