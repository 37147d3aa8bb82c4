"""errors: documented codes, words for people, nobody else's business."""

import pytest

from simulator.checkers.errors import ErrorsAreForPeople
from tests.simulator.checkers.given import Given, broken, holds, is_silent

ERRORS = ErrorsAreForPeople()


def refused(code: str, details: str, *, experiment: str = "brain") -> Given:
    record = Given().envoys("env-1").frontends("alice", "bob")
    record.asks_status("alice", experiment).refused(code, details)
    return record


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("NOT_FOUND", "you have no experiment named 'brain'"),
        ("INVALID_ARGUMENT", "the archive has no plan/plan.yaml"),
        ("RESOURCE_EXHAUSTED", "an archive may have 4 GiB and/or 1000 members"),
        ("PERMISSION_DENIED", "your certificate names 'alice': you cannot act as another"),
        ("UNAUTHENTICATED", "see https://example.org/docs/tls for how to get a certificate"),
        ("ALREADY_EXISTS", "the experiment name 'brain' is in use: choose another"),
    ],
)
def test_a_documented_code_and_a_clear_message_hold(code: str, details: str) -> None:
    assert holds(refused(code, details).judged_by(ERRORS))


@pytest.mark.parametrize("code", ["UNIMPLEMENTED", "FAILED_PRECONDITION", "OUT_OF_RANGE"])
def test_other_codes_are_breaches(code: str) -> None:
    assert "the code is not a documented one" in broken(refused(code, "no").judged_by(ERRORS))


@pytest.mark.parametrize("code", ["UNKNOWN", "INTERNAL", "ABORTED", "DATA_LOSS"])
def test_codes_of_bugs_are_breaches(code: str) -> None:
    record = Given()
    record.asks_status("alice", "brain").lost(code, "Unexpected <class 'KeyError'>: 'brain'")

    assert "the code is not a documented one: \"Unexpected <class 'KeyError'>" in broken(
        record.judged_by(ERRORS)
    )


@pytest.mark.parametrize("details", ["Stream removed", "Received RST_STREAM with error code 2"])
def test_a_connection_that_breaks_is_no_error_of_the_director(details: str) -> None:
    record = Given()
    record.asks_status("alice", "brain").lost("UNKNOWN", details)

    assert record.judged_by(ERRORS).occasions == 0


@pytest.mark.parametrize("code", ["DEADLINE_EXCEEDED", "CANCELLED", "KILLED"])
def test_what_the_client_did_itself_is_no_error_of_the_director(code: str) -> None:
    record = Given()
    record.asks_status("alice", "brain").lost(code, "")

    assert record.judged_by(ERRORS).occasions == 0


@pytest.mark.parametrize(
    "details",
    [
        "Unexpected <class 'KeyError'>: 'x'",
        "Exception calling application: division by zero",
        'File "/x.py", line 3',
        "Traceback (most recent call last)",
        "ValueError: no",
    ],
)
def test_python_exceptions_are_breaches(details: str) -> None:
    assert "it carries a Python exception" in broken(
        refused("INVALID_ARGUMENT", details).judged_by(ERRORS)
    )


@pytest.mark.parametrize(
    "details",
    ["cannot read /srv/director/brain.zip", "no such file: '/tmp/x/y'", "in C:\\director\\x"],
)
def test_paths_are_breaches(details: str) -> None:
    assert "it tells a path of the server" in broken(
        refused("INVALID_ARGUMENT", details).judged_by(ERRORS)
    )


def test_what_the_caller_said_itself_may_be_said_back() -> None:
    record = refused("INVALID_ARGUMENT", "'/etc/bob/x' is no name", experiment="/etc/bob/x")

    assert holds(record.judged_by(ERRORS))


@pytest.mark.parametrize("details", ["it is 'bob', not you", "bob has it", "asked by env-1."])
def test_other_users_names_are_breaches(details: str) -> None:
    assert "it tells another user's name" in broken(refused("NOT_FOUND", details).judged_by(ERRORS))


def test_a_user_called_as_a_word_of_the_protocol_is_not_meant() -> None:
    record = Given().frontends("alice", "experiment", "a")
    record.asks_status("alice", "brain").refused("NOT_FOUND", "you have no such experiment: a pity")

    assert holds(record.judged_by(ERRORS))


def test_an_error_must_say_something() -> None:
    assert "it says nothing" in broken(refused("NOT_FOUND", " ").judged_by(ERRORS))


def test_what_a_fault_says_is_not_the_directors() -> None:
    record = Given().attackers("eve")
    call = record.asks_status("alice", "brain").touched("rpc.loss", "loss")
    call.lost("UNAVAILABLE", "Connection reset by peer ('eve')")

    assert is_silent(record.judged_by(ERRORS))


def test_collaborators_get_no_code_on_which_they_spin() -> None:
    record = Given()
    record.asks_tasks("a", "brain").refused("NOT_FOUND", "no such run")

    assert "an OpenFL collaborator spins on this code" in broken(record.judged_by(ERRORS))


def test_a_collaborator_may_be_told_to_send_results_from_the_beginning() -> None:
    record = Given()
    record.sends("a", "brain", "train", 0).refused(
        "INVALID_ARGUMENT", "nothing of the results arrived"
    )

    assert holds(record.judged_by(ERRORS))


def test_collaborators_may_be_stopped_or_told_to_wait() -> None:
    record = Given()
    record.asks_tasks("a", "brain").refused("UNAUTHENTICATED", "you take no part in this run")
    record.asks_tasks("a", "brain").lost("UNAVAILABLE", "not yet")

    assert holds(record.judged_by(ERRORS))
