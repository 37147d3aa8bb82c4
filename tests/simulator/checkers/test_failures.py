"""failure-report: who may fail an experiment, and what everybody hears."""

import pytest

from simulator.checkers.failures import ParticipantsMayFail
from tests.simulator.checkers.given import Given, broken, holds, is_silent

REPORT = ParticipantsMayFail()


def running(identity: str = "plaintext") -> Given:
    record = Given(identity).envoys("a", "b").frontends("alice").attackers("eve")
    record.uploads("alice", "brain", ["a", "b"]).ok()
    record.waits("a", brings="brain").ok()
    return record


@pytest.mark.parametrize("identity", ["plaintext", "mtls"])
def test_a_participants_report_fails_it(identity: str) -> None:
    record = running(identity)
    record.reports_failure("a", "brain").ok()
    record.asks_status("alice", "brain", "failed").ok()

    assert holds(record.judged_by(REPORT))


@pytest.mark.parametrize("status", ["pending", "in_progress"])
def test_after_a_participants_report_it_must_not_go_on(status: str) -> None:
    record = running("mtls").at(5)
    record.reports_failure("a", "brain").ok()
    record.at(8).asks_status("alice", "brain", status).ok()

    assert (
        f"a reported at 5.0 s that experiment 'brain' failed, but it was still {status} at 8.0 s"
        in broken(record.judged_by(REPORT))
    )


@pytest.mark.parametrize("trouble", ["storage.full", "storage.error"])
def test_a_report_may_be_kept_later_where_the_disk_refuses(trouble: str) -> None:
    record = running().at(5).fault(trouble)
    record.reports_failure("a", "brain").ok()
    record.asks_status("alice", "brain", "in_progress").ok()
    record.at(10).heals(trouble)
    record.at(69).asks_status("alice", "brain", "in_progress").ok()
    assert holds(record.judged_by(REPORT))

    record.at(71).asks_status("alice", "brain", "in_progress").ok()

    assert "still in_progress at 71.0 s" in broken(record.judged_by(REPORT))


def test_a_report_from_before_the_disk_refuses_has_been_kept() -> None:
    record = running().at(5)
    record.reports_failure("a", "brain").ok()
    record.at(6).fault("storage.full")
    record.at(7).asks_status("alice", "brain", "in_progress").ok()

    assert "still in_progress at 7.0 s" in broken(record.judged_by(REPORT))


def test_who_is_told_of_it_before_its_owner_is_may_fail_it() -> None:
    record = Given().envoys("a").frontends("alice")
    upload = record.uploads("alice", "brain")
    record.waits("a", brings="brain").ok()
    upload.ok()
    record.reports_failure("a", "brain").ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert "a reported" in broken(record.judged_by(REPORT))


def test_a_report_may_mean_the_namesake_that_was_handed_out_before() -> None:
    record = Given().envoys("a").frontends("alice")
    record.uploads("alice", "brain").ok()
    record.waits("a", brings="brain").ok()
    record.removes("alice", "brain").ok()
    record.uploads("alice", "brain").ok()
    record.reports_failure("a", "brain").ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert holds(record.judged_by(REPORT))


def test_it_may_have_finished_just_before() -> None:
    record = running()
    record.reports_failure("a", "brain").ok()
    record.asks_status("alice", "brain", "finished").ok()

    assert holds(record.judged_by(REPORT))


def test_who_asks_meanwhile_may_still_see_it_go_on() -> None:
    record = running()
    asked = record.asks_status("alice", "brain", "in_progress")
    record.reports_failure("a", "brain").ok()
    asked.ok()

    assert holds(record.judged_by(REPORT))


def test_a_report_without_an_answer_may_not_have_arrived() -> None:
    record = running()
    record.reports_failure("a", "brain").lost()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert is_silent(record.judged_by(REPORT))


def test_who_was_never_handed_it_may_report_too_early() -> None:
    record = running()
    record.reports_failure("b", "brain").ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert holds(record.judged_by(REPORT))


def test_in_plaintext_an_envoy_may_be_nobody_in_particular() -> None:
    record = running()
    record.speaks("a", as_="").reports_failure("a", "brain").ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert "a reported" in broken(record.judged_by(REPORT))


@pytest.mark.parametrize(
    ("code", "details"),
    [("NOT_FOUND", "no such experiment"), ("PERMISSION_DENIED", "not you")],
)
def test_everybody_hears_ok(code: str, details: str) -> None:
    record = running()
    record.reports_failure("eve", "brain", by="eve").refused(code, details)

    assert f"was answered {code} at 0.0 s instead of OK" in broken(record.judged_by(REPORT))


def test_a_python_exception_is_not_ok() -> None:
    record = running()
    record.reports_failure("a", "brain").lost("UNKNOWN", "Unexpected <class 'AttributeError'>")

    assert "was answered UNKNOWN" in broken(record.judged_by(REPORT))


def test_who_has_no_name_may_be_refused_at_the_door() -> None:
    record = running("mtls").speaks("eve", as_="")
    record.reports_failure("a", "brain", by="eve").refused("UNAUTHENTICATED")

    assert holds(record.judged_by(REPORT))


# ---------------------------------------------------------------- strangers


@pytest.mark.parametrize(
    ("identity", "name"), [("plaintext", "eve"), ("mtls", "eve"), ("mtls", "a")]
)
def test_a_strangers_report_must_not_fail_it(identity: str, name: str) -> None:
    record = running(identity)
    record.reports_failure(name, "brain", by="eve").ok()
    record.at(9).asks_status("alice", "brain", "failed").ok()

    assert "experiment 'brain' was failed at 9.0 s, though only eve, who took no part" in broken(
        record.judged_by(REPORT)
    )


def test_a_strangers_report_that_changes_nothing_holds() -> None:
    record = running()
    record.reports_failure("eve", "brain", by="eve").ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert holds(record.judged_by(REPORT))


def test_a_participant_may_have_reported_too() -> None:
    record = running()
    record.reports_failure("eve", "brain", by="eve").ok()
    record.reports_failure("b", "brain").lost()
    record.asks_status("alice", "brain", "failed").ok()

    assert holds(record.judged_by(REPORT))


def test_it_may_have_failed_because_a_participant_died() -> None:
    record = running()
    record.reports_failure("eve", "brain", by="eve").ok()
    record.note("actor.kill", actor="b")
    record.at(9).asks_status("alice", "brain", "failed").ok()

    assert holds(record.judged_by(REPORT))


def test_a_strangers_report_after_the_failure_did_not_cause_it() -> None:
    record = running()
    record.asks_status("alice", "brain", "failed").ok()
    record.reports_failure("eve", "brain", by="eve").ok()

    assert holds(record.judged_by(REPORT))


def test_a_spoilt_upload_may_fail_by_itself() -> None:
    record = Given().envoys("a").attackers("eve")
    record.uploads("alice", "brain", ["a"]).touched("stream.corrupt", "bits").ok()
    record.reports_failure("eve", "brain", by="eve").ok()
    record.asks_status("alice", "brain", "failed").ok()

    assert holds(record.judged_by(REPORT))


def test_a_restart_may_have_failed_it() -> None:
    record = running()
    record.reports_failure("eve", "brain", by="eve").ok()
    record.restarts().asks_status("alice", "brain", "failed").ok()

    assert holds(record.judged_by(REPORT))


def test_after_a_restart_or_a_removal_another_may_be_seen() -> None:
    for between in ("restart", "removal"):
        record = running()
        record.reports_failure("a", "brain").ok()
        if between == "restart":
            record.restarts()
        else:
            record.removes("alice", "brain").ok()
            record.uploads("alice", "brain", ["a"]).ok()
        record.asks_status("alice", "brain", "in_progress").ok()

        assert holds(record.judged_by(REPORT))


def test_which_of_two_namesakes_failed_is_not_known() -> None:
    record = running()
    record.uploads("alice", "brain", ["c"]).lost()
    record.reports_failure("eve", "brain", by="eve").ok()
    record.asks_status("alice", "brain", "failed").ok()

    assert holds(record.judged_by(REPORT))
