"""targeting and delivery-once: to whom, while when, and how often."""

import pytest

from simulator.checkers.delivery import EveryExperimentComesOnce, OnlyTheChosenAreCalled
from tests.simulator.checkers.given import Given, broken, holds, is_silent

TARGETING = OnlyTheChosenAreCalled()
ONCE = EveryExperimentComesOnce()


def uploaded() -> Given:
    record = Given().envoys("a", "b").frontends("alice")
    record.uploads("alice", "brain", ["a"]).ok()
    return record


def test_a_collaborator_is_called() -> None:
    record = uploaded()
    record.waits("a", brings="brain").ok()
    record.waits("b").ok()

    judgement = record.judged_by(TARGETING)

    assert holds(judgement)
    assert judgement.occasions == 1


def test_nobody_else_is_called() -> None:
    record = uploaded()
    record.waits("b", brings="brain").ok()

    assert "handed to b at 0.0 s, which is not one of its collaborators" in broken(
        record.judged_by(TARGETING)
    )


def test_what_nobody_uploaded_is_not_handed_out() -> None:
    record = Given()
    record.waits("a", brings="brain").ok()

    assert "though nobody had uploaded it" in broken(record.judged_by(TARGETING))


def test_what_is_uploaded_later_is_not_handed_out() -> None:
    record = Given()
    record.waits("a", brings="brain").ok()
    record.uploads("alice", "brain", ["a"]).ok()

    assert "though nobody had uploaded it" in broken(record.judged_by(TARGETING))


def test_what_was_uploaded_without_an_answer_may_be_handed_out() -> None:
    record = Given()
    record.uploads("alice", "brain", ["a"]).lost()
    record.waits("a", brings="brain").ok()

    assert holds(record.judged_by(TARGETING))


def test_what_was_removed_is_not_handed_out() -> None:
    record = uploaded()
    record.removes("alice", "brain").ok()
    record.waits("a", brings="brain").ok()

    assert "after its owner had removed it" in broken(record.judged_by(TARGETING))


def test_of_what_was_removed_nobody_is_given_tasks() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.waits("a", brings="brain").ok()
    record.removes("alice", "brain").ok()
    record.at(5).asks_tasks("a", "brain").ok()

    assert "tasks of experiment 'brain' were given to a at 5.0 s, after its owner" in broken(
        record.judged_by(TARGETING)
    )


def test_who_works_on_what_was_removed_is_told_to_quit() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.waits("a", brings="brain").ok()
    record.asks_tasks("a", "brain").ok()
    record.removes("alice", "brain").ok()
    record.asks_tasks("a", "brain", tasks=(), quit_=True).ok()

    assert holds(record.judged_by(TARGETING))


def test_a_stranger_removes_nothing() -> None:
    record = uploaded()
    record.removes("bob", "brain").ok()
    record.waits("a", brings="brain").ok()

    assert holds(record.judged_by(TARGETING))


def test_what_is_removed_meanwhile_may_be_handed_out() -> None:
    record = uploaded()
    wait = record.waits("a", brings="brain")
    record.removes("alice", "brain").ok()
    wait.ok()

    assert holds(record.judged_by(TARGETING))


@pytest.mark.parametrize("status", ["finished", "failed", "rejected"])
def test_what_has_ended_is_not_handed_out(status: str) -> None:
    record = uploaded()
    record.asks_status("alice", "brain", status).ok()
    record.waits("a", brings="brain").ok()

    assert f"after it had ended as {status}" in broken(record.judged_by(TARGETING))


def test_what_ends_meanwhile_may_be_handed_out() -> None:
    record = uploaded()
    wait = record.waits("a", brings="brain")
    record.asks_status("alice", "brain", "finished").ok()
    wait.ok()

    assert holds(record.judged_by(TARGETING))


def test_what_its_own_collaborator_failed_is_not_handed_out() -> None:
    record = uploaded()
    record.waits("a", brings="brain").ok()
    record.reports_failure("a", "brain").ok()
    record.at(3).waits("a", brings="brain").ok()

    assert "handed to a at 3.0 s, after it had failed by the report of a" in broken(
        record.judged_by(TARGETING)
    )


def test_what_failed_while_the_disk_refused_may_be_handed_out_until_it_is_kept() -> None:
    record = uploaded().fault("storage.full")
    record.waits("a", brings="brain").ok()
    record.reports_failure("a", "brain").ok()
    record.at(3).waits("a", brings="brain").ok()

    assert holds(record.judged_by(TARGETING))


def test_a_report_before_the_hand_out_fails_nothing() -> None:
    record = uploaded()
    record.reports_failure("a", "brain").ok()
    record.waits("a", brings="brain").ok()

    assert holds(record.judged_by(TARGETING))


def test_a_report_that_was_not_answered_may_have_failed_nothing() -> None:
    record = uploaded()
    record.waits("a", brings="brain").ok()
    record.reports_failure("a", "brain").lost()
    record.waits("a", brings="brain").ok()

    assert holds(record.judged_by(TARGETING))


def test_a_namesake_of_what_has_ended_may_be_handed_out() -> None:
    record = uploaded()
    record.asks_status("alice", "brain", "finished").ok()
    record.removes("alice", "brain").ok()
    record.uploads("alice", "brain", ["a"]).ok()
    record.waits("a", brings="brain").ok()

    assert holds(record.judged_by(TARGETING))


# ---------------------------------------------------------------- delivery-once


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


def test_of_two_signs_of_the_end_the_earlier_counts() -> None:
    record = uploaded()
    record.waits("a", brings="brain").ok()
    record.asks_status("alice", "brain", "failed").ok()
    record.reports_failure("a", "brain").ok()
    record.waits("a", brings="brain").ok()

    assert "after it had ended as failed" in broken(record.judged_by(TARGETING))


def test_an_attacker_who_claims_to_be_a_participant_proves_no_end() -> None:
    record = uploaded().attackers("eve").speaks("eve", as_="a")
    record.waits("a", brings="brain").ok()
    record.reports_failure("a", "brain", by="eve").ok()
    record.waits("a", brings="brain").ok()

    assert holds(record.judged_by(TARGETING))


def test_the_end_of_one_of_two_that_may_be_there_is_not_known() -> None:
    record = uploaded()
    record.uploads("bob", "brain", ["a"]).lost()
    record.asks_status("alice", "brain", "failed").ok()
    record.waits("a", brings="brain").ok()

    assert holds(record.judged_by(TARGETING))
