"""presence: who must be online, who cannot be, and the band between."""

import pytest

from simulator.checkers.presence import OnlineMeansAlive
from tests.simulator.checkers.given import Given, broken, holds, is_silent, shown

PRESENCE = OnlineMeansAlive()


def seen(*, registered_at: float = 0.0, listed_at: float, online: bool) -> Given:
    record = Given().envoys("a").at(registered_at)
    record.registers("a").ok()
    record.at(listed_at).lists("alice", shown("a", online=online)).ok()
    return record


@pytest.mark.parametrize(
    ("listed_at", "online"),
    [(1.0, True), (19.0, True), (21.0, False), (60.0, False)],
)
def test_who_is_heard_of_is_online_for_two_periods(listed_at: float, online: bool) -> None:  # noqa: FBT001
    assert holds(seen(listed_at=listed_at, online=online).judged_by(PRESENCE))


def test_who_was_heard_of_lately_must_not_be_offline() -> None:
    record = seen(registered_at=5.0, listed_at=20.0, online=False)

    assert (
        "a is listed as offline at 20.0 s, though it was heard at 5.0 s and that is valid for 20 s"
        in broken(record.judged_by(PRESENCE))
    )


def test_who_has_been_silent_for_long_must_not_be_online() -> None:
    record = seen(registered_at=5.0, listed_at=26.0, online=True)

    assert "last possible sign of life was at 5.0 s" in broken(record.judged_by(PRESENCE))


@pytest.mark.parametrize("online", [True, False])
def test_who_was_found_there_may_have_been_heard_of_just_before(online: bool) -> None:  # noqa: FBT001
    record = Given().envoys("a").at(1).finds(shown("a"))
    record.at(20).lists("alice", shown("a", online=online)).ok()
    record.registers("a").ok()

    assert holds(record.judged_by(PRESENCE))


def test_who_was_found_there_and_says_nothing_cannot_stay_online() -> None:
    record = Given().envoys("a").at(1).finds(shown("a"))
    record.at(22).lists("alice", shown("a", online=True)).ok()
    record.registers("a").ok()

    assert "last possible sign of life was at 1.0 s" in broken(record.judged_by(PRESENCE))


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("listed_at", [19.6, 20.4])
def test_within_transit_of_the_limit_either_is_right(listed_at: float, online: bool) -> None:  # noqa: FBT001
    assert holds(seen(listed_at=listed_at, online=online).judged_by(PRESENCE))


def test_a_heartbeat_counts_from_when_it_was_sent() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.at(15)
    record.beats("a").ok()
    record.at(34).lists("alice", shown("a", online=False)).ok()

    assert "heard at 15.0 s" in broken(record.judged_by(PRESENCE))


@pytest.mark.parametrize("online", [True, False])
def test_a_long_poll_may_count_but_need_not(online: bool) -> None:  # noqa: FBT001
    record = Given().envoys("a")
    record.registers("a").ok()
    record.at(15).waits("a").ok()
    record.at(30).lists("alice", shown("a", online=online)).ok()

    assert holds(record.judged_by(PRESENCE))


@pytest.mark.parametrize("online", [True, False])
def test_a_heartbeat_without_an_answer_may_have_arrived(online: bool) -> None:  # noqa: FBT001
    record = Given().envoys("a")
    record.registers("a").ok()
    record.at(15).beats("a").lost("DEADLINE_EXCEEDED")
    record.at(30).lists("alice", shown("a", online=online)).ok()

    assert holds(record.judged_by(PRESENCE))


def test_a_heartbeat_that_a_fault_swallowed_has_not_arrived() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.at(15).beats("a").touched("heartbeat.drop", "drop").lost("DEADLINE_EXCEEDED")
    record.at(30).lists("alice", shown("a", online=True)).ok()

    assert "last possible sign of life was at 0.0 s" in broken(record.judged_by(PRESENCE))


def test_a_heartbeat_whose_answer_was_lost_had_arrived_before() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.fault("rpc.loss", "a")
    record.at(5).beats("a").touched("rpc.loss", "loss", "response").lost()
    record.at(60).heals("rpc.loss", "a")
    record.lists("alice", shown("a", online=True)).ok()

    assert "last possible sign of life was at 5.0 s" in broken(record.judged_by(PRESENCE))


def test_what_a_black_hole_held_may_arrive_when_it_heals() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.at(10).fault("link.blackhole", "a")
    beat = record.at(15).beats("a")
    record.at(25)
    beat.lost("DEADLINE_EXCEEDED")
    record.at(60).heals("link.blackhole", "a")
    record.at(75).lists("alice", shown("a", online=True)).ok()
    record.at(85).lists("alice", shown("a", online=True)).ok()

    assert "online at 85.0 s" in broken(record.judged_by(PRESENCE))


def test_a_heartbeat_that_never_ended_may_arrive_at_any_time() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.beats("a")
    record.at(500).lists("alice", shown("a", online=True)).ok()

    assert holds(record.judged_by(PRESENCE))


def test_a_long_poll_has_arrived_long_before_its_frozen_client_reads_the_answer() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    wait = record.at(5).waits("a")
    record.at(6).fault("envoy.pause", "a")
    record.at(30).lists("alice", shown("a", online=True)).ok()
    record.at(60).heals("envoy.pause", "a")
    wait.ok()

    assert "last possible sign of life was at 5.5 s" in broken(record.judged_by(PRESENCE))


def test_a_long_poll_that_met_a_fault_may_have_arrived_late() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.at(4).fault("link.blackhole", "a")
    wait = record.at(5).waits("a")
    record.at(28).heals("link.blackhole", "a")
    record.at(30).lists("alice", shown("a", online=True)).ok()
    wait.ok()

    assert holds(record.judged_by(PRESENCE))


def test_a_harness_that_was_late_may_have_held_a_message_up() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    wait = record.at(5).waits("a")
    record.at(27).lists("alice", shown("a", online=True)).ok()
    record.at(28).note("harness.lag", {"max_s": 2.0})
    wait.ok()

    assert holds(record.judged_by(PRESENCE))


def test_a_slow_listing_may_have_looked_at_any_time_meanwhile() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    listing = record.at(10).lists("alice", shown("a", online=False))
    record.at(40)
    listing.ok()

    assert holds(record.judged_by(PRESENCE))


def test_a_restart_forgets_who_was_heard_of() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.at(5).restarts().lists("alice", shown("a", online=False)).ok()

    assert holds(record.judged_by(PRESENCE))


def test_under_tls_an_impostor_keeps_nobody_alive() -> None:
    record = Given("mtls").envoys("a")
    record.registers("a").ok()
    record.at(15).beats("a", by="eve").refused("PERMISSION_DENIED")
    record.at(30).lists("alice", shown("a", online=True)).ok()

    assert "last possible sign of life was at 0.0 s" in broken(record.judged_by(PRESENCE))


def test_validity_is_two_periods() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.lists("alice", shown("a", valid_s=10.0)).ok()

    assert "valid for 10 s; twice the heartbeat period is 20 s" in broken(
        record.judged_by(PRESENCE)
    )


def test_who_never_registered_is_left_to_the_registry() -> None:
    record = Given()
    record.lists("alice", shown("a", online=True)).ok()

    assert is_silent(record.judged_by(PRESENCE))


def test_who_is_online_before_it_was_heard_of_is_a_breach() -> None:
    record = Given().envoys("a")
    record.lists("alice").lost()
    record.lists("alice", shown("a", online=True)).ok()
    record.registers("a").ok()

    assert "a is listed as online" in broken(record.judged_by(PRESENCE))


def test_a_heartbeat_that_arrives_twice_may_arrive_at_any_time() -> None:
    record = Given().envoys("a")
    record.registers("a").ok()
    record.beats("a").touched("heartbeat.duplicate", "duplicate").ok()
    record.at(500).lists("alice", shown("a", online=True)).ok()

    assert holds(record.judged_by(PRESENCE))
