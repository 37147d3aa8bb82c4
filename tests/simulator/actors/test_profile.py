"""How peers wait before they try again."""

from random import Random

import pytest

from simulator.actors.profile import PROFILES, Backoff


def test_the_profiles_go_by_the_names_that_scenarios_use() -> None:
    assert list(PROFILES) == ["robust", "openfl-1.6", "openfl-1.6-brittle"]


def test_a_wait_grows_up_to_its_limit() -> None:
    backoff = Backoff(first_s=1.0, factor=2.0, longest_s=5.0)

    assert [backoff.draw(attempt, Random(1)) for attempt in range(4)] == [1.0, 2.0, 4.0, 5.0]


def test_a_wait_after_very_many_attempts_is_still_a_number() -> None:
    assert Backoff(first_s=1.0, factor=2.0, longest_s=5.0).draw(10**6, Random(1)) == 5.0


def test_jitter_spreads_a_fleet() -> None:
    backoff = Backoff(first_s=1.0, jitter=0.5)
    random = Random(1)

    waits = [backoff.draw(0, random) for _ in range(100)]

    assert min(waits) >= 0.5
    assert max(waits) <= 1.0
    assert len(set(waits)) == 100


def test_without_jitter_no_chance_is_drawn() -> None:
    random = Random(1)
    before = random.getstate()

    Backoff(first_s=5.0).draw(3, random)

    assert random.getstate() == before


@pytest.mark.parametrize("name", ["openfl-1.6", "openfl-1.6-brittle"])
def test_openfl_waits_five_seconds_whatever_happens(name: str) -> None:
    profile = PROFILES[name]

    assert {
        policy.draw(n, Random(n)) for policy in (profile.retry, profile.ask_again) for n in range(5)
    } == {5.0}
