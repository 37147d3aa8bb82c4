"""registry and unknown-heartbeat: what explains a listing, and what explains an answer."""

from hypothesis import given, strategies as st

from simulator.checkers.registry import ListingIsExact, StrangersRegisterAgain
from tests.simulator.checkers.given import Given, broken, holds, is_silent, shown

REGISTRY = ListingIsExact()
HEARTBEAT = StrangersRegisterAgain()


def test_a_listing_of_who_registered_holds() -> None:
    record = Given()
    record.registers("a").ok()
    record.registers("b", description="slides").ok()
    record.lists("alice", shown("a"), shown("b", description="slides")).ok()

    assert holds(record.judged_by(REGISTRY))


def test_who_registered_before_must_be_listed() -> None:
    record = Given().at(3)
    record.registers("a").ok()
    record.at(5).lists("alice").ok()

    assert "a, registered at 3.0 s, is missing from the listing at 5.0 s" in broken(
        record.judged_by(REGISTRY)
    )


def test_who_registers_meanwhile_may_be_listed_or_not() -> None:
    for envoys in ([], [shown("a")]):
        record = Given()
        registration = record.registers("a")
        record.lists("alice", *envoys).ok()
        registration.ok()

        assert holds(record.judged_by(REGISTRY))


def test_who_registered_without_an_answer_may_be_listed_or_not() -> None:
    for envoys in ([], [shown("a")]):
        record = Given()
        record.registers("a").lost()
        record.lists("alice", *envoys).ok()

        assert holds(record.judged_by(REGISTRY))


def test_who_was_rejected_must_not_be_listed() -> None:
    record = Given()
    record.registers("a", shape=["9"]).ok(accepted=False)
    record.lists("alice", shown("a")).ok()

    assert "no registration of it was accepted" in broken(record.judged_by(REGISTRY))


def test_whose_shapes_fit_must_not_be_turned_away() -> None:
    record = Given().at(3)
    record.registers("a").ok(accepted=False)

    assert "a was turned away at 3.0 s" in broken(record.judged_by(REGISTRY))


def test_who_registers_only_afterwards_must_not_be_listed() -> None:
    record = Given()
    record.lists("alice", shown("a")).ok()
    record.registers("a").ok()

    assert "no registration of it was accepted" in broken(record.judged_by(REGISTRY))


def test_who_was_found_there_may_be_listed_before_it_registers() -> None:
    record = Given().envoys("a").finds(shown("a", n_samples=5))
    record.lists("alice", shown("a", n_samples=5)).ok()
    record.registers("a").ok()
    record.lists("alice", shown("a")).ok()

    assert holds(record.judged_by(REGISTRY))


def test_what_was_found_there_is_outdated_once_it_registers() -> None:
    record = Given().envoys("a").finds(shown("a", n_samples=5))
    record.registers("a").ok()
    record.lists("alice", shown("a", n_samples=5)).ok()

    assert "not the one last registered" in broken(record.judged_by(REGISTRY))


def test_strangers_come_and_change_at_a_director_that_serves_others() -> None:
    record = Given().finds(shown("before", n_samples=5))
    record.lists("alice", shown("before", n_samples=6), shown("later")).ok()

    assert holds(record.judged_by(REGISTRY))


def test_whom_a_shared_director_rejected_must_not_be_listed_either() -> None:
    record = Given().envoys("a").finds()
    record.registers("a", shape=["9"]).ok(accepted=False)
    record.lists("alice", shown("a")).ok()

    assert "no registration of it was accepted" in broken(record.judged_by(REGISTRY))


def test_the_heartbeat_of_who_was_found_there_may_be_accepted() -> None:
    record = Given().envoys("a").finds(shown("a"))
    record.beats("a").ok()

    assert holds(record.judged_by(HEARTBEAT))


def test_an_outdated_shard_is_a_breach() -> None:
    record = Given()
    record.registers("a", n_samples=10).ok()
    record.registers("a", n_samples=20).ok()
    record.lists("alice", shown("a", n_samples=10)).ok()

    assert "not the one last registered" in broken(record.judged_by(REGISTRY))


def test_a_shard_nobody_ever_reported_is_a_breach() -> None:
    record = Given()
    record.registers("a", n_samples=10).ok()
    record.lists("alice", shown("a", n_samples=11)).ok()

    assert "not the one last registered" in broken(record.judged_by(REGISTRY))


def test_of_two_overlapping_registrations_either_may_have_come_last() -> None:
    for n_samples in (10, 20):
        record = Given()
        first = record.registers("a", n_samples=10)
        second = record.registers("a", n_samples=20)
        first.ok()
        second.ok()
        record.lists("alice", shown("a", n_samples=n_samples)).ok()

        assert holds(record.judged_by(REGISTRY))


def test_an_unanswered_registration_may_take_effect_after_later_ones() -> None:
    for n_samples in (10, 20):
        record = Given()
        record.registers("a", n_samples=10).lost()
        record.registers("a", n_samples=20).ok()
        record.lists("alice", shown("a", n_samples=n_samples)).ok()

        assert holds(record.judged_by(REGISTRY))


def test_nobody_is_listed_twice() -> None:
    record = Given()
    record.registers("a").ok()
    record.lists("alice", shown("a"), shown("a")).ok()

    assert "a is listed twice" in broken(record.judged_by(REGISTRY))


def test_a_shard_that_does_not_fit_must_not_be_accepted() -> None:
    record = Given()
    record.registers("a", shape=["9"]).ok()

    assert "shapes that are not the federation's" in broken(record.judged_by(REGISTRY))


def test_one_envoy_must_not_spoil_the_listing() -> None:
    record = Given()
    record.registers("a").ok()
    record.lists("alice").lost("UNKNOWN", "Unexpected <class 'KeyError'>: 'a'")

    assert "one envoy's state must not spoil the listing" in broken(record.judged_by(REGISTRY))


def test_a_connection_that_breaks_spoils_nothing() -> None:
    record = Given()
    record.lists("alice").lost("UNKNOWN", "Stream removed")

    assert is_silent(record.judged_by(REGISTRY))


def test_what_a_restart_may_have_lost_may_be_missing() -> None:
    record = Given()
    record.registers("a").ok()
    record.restarts().lists("alice").ok()

    assert holds(record.judged_by(REGISTRY))


def test_who_registered_after_the_restart_must_be_listed() -> None:
    record = Given()
    record.registers("a").ok()
    record.restarts().registers("a").ok()
    record.lists("alice").ok()

    assert "a, registered" in broken(record.judged_by(REGISTRY))


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_envoys_in_a_listing_does_not_matter(order: list[str]) -> None:
    record = Given()
    for envoy in order:
        record.registers(envoy).ok()
    record.lists("alice", *[shown(envoy) for envoy in sorted(order)]).ok()

    assert holds(record.judged_by(REGISTRY))


# ---------------------------------------------------------------- unknown-heartbeat


def test_a_known_envoy_is_told_a_period_and_a_stranger_to_register() -> None:
    record = Given()
    record.beats("a").refused("NOT_FOUND")
    record.registers("a").ok()
    record.beats("a").ok(period_s=10.0)

    assert holds(record.judged_by(HEARTBEAT))


def test_a_period_must_be_above_zero() -> None:
    record = Given()
    record.registers("a").ok()
    record.beats("a").ok(period_s=0.0)

    assert "told a heartbeat period of 0.0 s" in broken(record.judged_by(HEARTBEAT))


def test_a_stranger_must_not_be_told_that_all_is_well() -> None:
    record = Given()
    record.beats("a").ok()

    assert "though it never registered" in broken(record.judged_by(HEARTBEAT))


def test_a_known_envoy_must_not_be_told_to_register_again() -> None:
    record = Given()
    record.registers("a").ok()
    record.beats("a").refused("NOT_FOUND")

    assert "registered at 0.0 s, was answered NOT_FOUND" in broken(record.judged_by(HEARTBEAT))


def test_a_stranger_must_be_told_so_and_nothing_else() -> None:
    record = Given()
    record.beats("a").lost("UNKNOWN", "Unexpected <class 'KeyError'>: 'a'")

    assert "instead of NOT_FOUND" in broken(record.judged_by(HEARTBEAT))


def test_a_stranger_without_a_usable_name_may_be_told_that() -> None:
    record = Given()
    record.beats("../a").refused("INVALID_ARGUMENT")

    assert holds(record.judged_by(HEARTBEAT))


def test_after_a_restart_an_envoy_may_be_known_or_not() -> None:
    for is_known in (True, False):
        record = Given()
        record.registers("a").ok()
        record.restarts()
        beat = record.beats("a")
        if is_known:
            beat.ok()
        else:
            beat.refused("NOT_FOUND")

        assert holds(record.judged_by(HEARTBEAT))


def test_who_may_have_registered_may_be_known_or_not() -> None:
    for is_known in (True, False):
        record = Given()
        record.registers("a").lost()
        beat = record.beats("a")
        if is_known:
            beat.ok()
        else:
            beat.refused("NOT_FOUND")

        assert holds(record.judged_by(HEARTBEAT))


def test_an_impostor_may_be_refused_in_the_name_of_a_known_envoy() -> None:
    record = Given("mtls")
    record.registers("a").ok()
    record.beats("a", by="eve").refused("PERMISSION_DENIED")

    assert holds(record.judged_by(HEARTBEAT))
