"""delivery-once: how often a collaborator is told of an experiment."""

from simulator.checkers.delivery import EveryExperimentComesOnce
from tests.simulator.checkers.deliveries import uploaded
from tests.simulator.checkers.given import Given, broken, holds, is_silent

ONCE = EveryExperimentComesOnce()


def fetched() -> Given:
    record = uploaded()
    record.registers("a").ok()
    record.waits("a", brings="brain").ok()
    record.downloads("a", "brain").ok()
    return record


def called_again(record: Given) -> Given:
    record.at(7).waits("a", brings="brain").ok()
    record.beats("a").ok()
    return record


def test_who_has_fetched_it_is_not_called_again() -> None:
    record = called_again(fetched())

    message = broken(record.judged_by(ONCE))

    assert "handed to a again at 7.0 s, which had downloaded it at 0.0 s" in message
    assert "on the same connection (1)" in message


def test_who_never_asked_for_tasks_may_be_called_again_after_a_period() -> None:
    record = fetched()
    record.at(30).waits("a", brings="brain").ok()
    record.beats("a").ok()

    assert holds(record.judged_by(ONCE))


def test_who_asked_for_tasks_is_not_called_again_however_late() -> None:
    record = fetched()
    record.asks_tasks("a", "brain").ok()
    record.at(30).waits("a", brings="brain").ok()
    record.beats("a").ok()

    assert "handed to a again" in broken(record.judged_by(ONCE))


def test_once_is_right() -> None:
    record = fetched()
    record.waits("a").ok()
    record.beats("a").ok()

    assert holds(record.judged_by(ONCE))


def test_who_has_not_fetched_it_may_be_called_again() -> None:
    record = uploaded()
    record.waits("a", brings="brain").ok()
    record.downloads("a", "brain").lost(chunks=1, size=5, mismatched=0)

    assert holds(called_again(record).judged_by(ONCE))


def test_who_reconnects_may_be_called_again() -> None:
    assert holds(called_again(fetched().reconnects("a")).judged_by(ONCE))


def test_who_registers_again_may_be_called_again() -> None:
    record = fetched()
    record.registers("a").ok()

    assert holds(called_again(record).judged_by(ONCE))


def test_whose_registration_was_not_answered_may_be_called_again() -> None:
    record = fetched()
    record.registers("a").lost()

    assert holds(called_again(record).judged_by(ONCE))


def test_whose_registration_was_rejected_is_not_called_again() -> None:
    record = fetched()
    record.registers("a", shape=["9"]).ok(accepted=False)

    assert "handed to a again" in broken(called_again(record).judged_by(ONCE))


def test_a_call_that_itself_reconnected_may_be_answered_again() -> None:
    record = fetched()
    record.waits("a", brings="brain").ok()
    record.reconnects("a").beats("a").ok()

    assert holds(record.judged_by(ONCE))


def test_the_last_call_of_all_may_have_been_on_a_new_connection() -> None:
    record = fetched()
    record.waits("a", brings="brain").ok()

    assert is_silent(record.judged_by(ONCE))


def test_a_long_poll_from_before_the_download_may_be_answered_too() -> None:
    record = uploaded()
    stale = record.waits("a", brings="brain")
    record.waits("a", brings="brain").ok()
    record.downloads("a", "brain").ok()
    stale.ok()
    record.beats("a").ok()

    assert holds(record.judged_by(ONCE))


def test_a_restarted_director_may_call_again() -> None:
    assert holds(called_again(fetched().restarts()).judged_by(ONCE))


def test_a_namesake_is_another_experiment() -> None:
    record = fetched()
    record.removes("alice", "brain").ok()
    record.uploads("alice", "brain", ["a"]).ok()

    assert holds(called_again(record).judged_by(ONCE))
