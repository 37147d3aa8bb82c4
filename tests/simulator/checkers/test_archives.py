"""archive-identity: what comes down is what went up."""

import pytest

from simulator.checkers.archives import ArchivesArriveWhole
from simulator.history.entry import JsonObject
from tests.simulator.checkers.given import MEMBERS, Given, broken, holds, is_silent

IDENTITY = ArchivesArriveWhole()


def uploaded() -> Given:
    record = Given()
    record.uploads("alice", "brain", ["a"]).ok()
    return record


def test_the_same_members_hold_whatever_became_of_the_network_settings() -> None:
    record = uploaded()
    record.downloads("a", "brain").ok(size=110, sha256="other", network={"agg_port": 1})

    assert holds(record.judged_by(IDENTITY))


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({**MEMBERS, "model.py": "ff"}, "'model.py' differs"),
        ({"model.py": "1f"}, "'plan/data.txt' is missing"),
        ({**MEMBERS, "evil.py": "66"}, "'evil.py' was added"),
        (None, "it is no readable zip"),
    ],
)
def test_a_member_that_differs_is_a_breach(members: JsonObject | None, what: str) -> None:
    record = uploaded().at(9)
    record.downloads("a", "brain", members=members).ok()

    message = broken(record.judged_by(IDENTITY))

    assert "the archive of 'brain' for a is not what was uploaded" in message
    assert what in message


def test_the_rest_of_the_plan_must_not_change() -> None:
    record = uploaded()
    record.downloads("a", "brain", plan_rest="bb").ok()

    assert "the plan differs" in broken(record.judged_by(IDENTITY))


def test_what_a_fault_spoilt_on_its_way_is_not_the_directors() -> None:
    record = uploaded()
    download = record.downloads("a", "brain", members=None, mismatched=1)
    download.touched("stream.corrupt", "bits", "response").ok()

    assert is_silent(record.judged_by(IDENTITY))


def test_an_upload_that_a_fault_spoilt_says_nothing_of_what_was_accepted() -> None:
    record = Given()
    record.uploads("alice", "brain", ["a"]).touched("stream.corrupt", "bits").ok()
    record.downloads("a", "brain", members=None).ok()

    assert is_silent(record.judged_by(IDENTITY))


def test_chunks_must_not_lie_about_their_size_even_in_a_broken_stream() -> None:
    record = uploaded()
    record.downloads("a", "brain").lost(chunks=3, size=30, mismatched=1)

    assert "1 chunks of the archive of 'brain' for a lied" in broken(record.judged_by(IDENTITY))


def test_what_nobody_uploaded_must_not_come() -> None:
    record = Given()
    record.downloads("a", "brain").ok()

    assert "though nobody had uploaded it" in broken(record.judged_by(IDENTITY))


def test_of_two_namesakes_either_may_come() -> None:
    record = uploaded()
    record.removes("alice", "brain").lost()
    record.uploads("alice", "brain", ["a"], members={"other.py": "77"}).ok()
    record.downloads("a", "brain").ok()
    record.downloads("a", "brain", members={"other.py": "77"}).ok()

    assert holds(record.judged_by(IDENTITY))


def test_nothing_may_come_of_what_may_be_over() -> None:
    record = uploaded()
    record.downloads("a", "brain", chunks=0, members=None).ok()

    assert holds(record.judged_by(IDENTITY))


def test_nothing_must_not_come_of_what_is_not_over() -> None:
    record = uploaded()
    record.downloads("a", "brain", chunks=0, members=None).ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert "came without a chunk at 0.0 s, though the experiment was still in_progress" in broken(
        record.judged_by(IDENTITY)
    )


def test_nothing_may_come_after_a_removal_although_a_namesake_goes_on() -> None:
    record = uploaded()
    record.removes("alice", "brain").ok()
    record.downloads("a", "brain", chunks=0, members=None).ok()
    record.uploads("alice", "brain", ["a"]).ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert holds(record.judged_by(IDENTITY))


def test_who_takes_no_part_may_get_nothing() -> None:
    record = uploaded()
    record.downloads("b", "brain", chunks=0, members=None).ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert holds(record.judged_by(IDENTITY))


def test_under_tls_an_impostor_may_get_nothing() -> None:
    record = Given("mtls")
    record.uploads("alice", "brain", ["a"]).ok()
    record.downloads("a", "brain", by="eve", chunks=0, members=None).ok()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert holds(record.judged_by(IDENTITY))


def test_a_restart_may_come_between_nothing_and_a_namesake() -> None:
    record = uploaded()
    record.downloads("a", "brain", chunks=0, members=None).ok()
    record.restarts().asks_status("alice", "brain", "in_progress").ok()

    assert holds(record.judged_by(IDENTITY))


def test_what_was_accepted_although_it_was_no_archive_is_not_what_was_uploaded() -> None:
    record = Given()
    record.uploads("mallory", "noise", intent="not_zip", members=None).ok()
    record.downloads("a", "noise").ok()

    assert "'model.py' was added" in broken(record.judged_by(IDENTITY))


def test_a_download_that_was_refused_is_no_occasion() -> None:
    record = uploaded()
    record.downloads("b", "brain").refused("NOT_FOUND", chunks=0, size=0, mismatched=0)

    assert record.judged_by(IDENTITY).occasions == 0


def test_nothing_may_come_where_a_namesake_goes_on_whoever_uploaded_it() -> None:
    record = uploaded()
    record.downloads("a", "brain", chunks=0, members=None).ok()
    record.uploads("alice", "brain", ["a"]).lost()
    record.asks_status("alice", "brain", "in_progress").ok()

    assert holds(record.judged_by(IDENTITY))
