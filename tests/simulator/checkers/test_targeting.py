"""targeting: who is told of an experiment, and while when."""

import pytest

from simulator.checkers.delivery import OnlyTheChosenAreCalled
from tests.simulator.checkers.deliveries import uploaded
from tests.simulator.checkers.given import Given, broken, holds

TARGETING = OnlyTheChosenAreCalled()


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
