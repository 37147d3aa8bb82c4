"""no-bad-accept and no-residue: what must be refused, and what a refusal leaves."""

import pytest

from simulator.checkers.base import Validity
from simulator.checkers.uploads import BadUploadsAreRefused, RefusedUploadsLeaveNothing
from simulator.history.entry import Json
from tests.simulator.checkers.given import MEMBERS, Given, broken, holds, is_silent

ACCEPTING = BadUploadsAreRefused()
RESIDUE = RefusedUploadsLeaveNothing()


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "ALREADY_EXISTS"])
def test_a_bad_upload_that_is_refused_holds(code: str) -> None:
    record = Given()
    record.uploads("mallory", "bad", intent="not_zip").refused(code)

    assert holds(record.judged_by(ACCEPTING))


def test_a_whole_upload_is_no_occasion() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()

    assert record.judged_by(ACCEPTING).occasions == 0


def test_what_the_client_got_wrong_must_not_be_accepted() -> None:
    record = Given()
    record.uploads("mallory", "bad", intent="inconsistent_name").ok()

    assert "the upload of 'bad' by mallory, inconsistent name, was accepted" in broken(
        record.judged_by(ACCEPTING)
    )


@pytest.mark.parametrize("mode", ["truncate", "drop", "reorder", "size_lie", "cut", "empty"])
def test_what_was_corrupted_on_its_way_must_not_be_accepted(mode: str) -> None:
    record = Given()
    record.uploads("alice", "brain").touched("stream.corrupt", mode).ok()

    assert f"corrupted on its way ({mode}), was accepted" in broken(record.judged_by(ACCEPTING))


def test_a_bad_upload_must_be_told_why() -> None:
    record = Given()
    record.uploads("mallory", "bad", intent="empty").lost(
        "UNKNOWN", "Unexpected <class 'UnboundLocalError'>"
    )

    assert "was answered UNKNOWN at 0.0 s instead of INVALID_ARGUMENT" in broken(
        record.judged_by(ACCEPTING)
    )


def test_not_accepting_is_not_refusing() -> None:
    record = Given()
    record.uploads("mallory", "bad", intent="no_plan").ok(accepted=False)

    assert "accepted=false" in broken(record.judged_by(ACCEPTING))


@pytest.mark.parametrize("mode", ["bits", "duplicate"])
def test_flipped_bits_that_hit_nothing_may_be_accepted(mode: str) -> None:
    record = Given()
    record.uploads("alice", "brain").touched("stream.corrupt", mode).ok()
    record.downloads("a", "brain").ok()

    assert holds(record.judged_by(ACCEPTING))


def test_flipped_bits_that_hit_something_must_not_be_accepted() -> None:
    record = Given()
    record.uploads("alice", "brain").touched("stream.corrupt", "bits").ok()
    record.downloads("a", "brain", members={**MEMBERS, "model.py": "ff"}).ok()

    assert "is not what was meant, 'model.py' differs" in broken(record.judged_by(ACCEPTING))


def test_flipped_bits_whose_download_was_spoilt_too_tell_nothing() -> None:
    record = Given()
    record.uploads("alice", "brain").touched("stream.corrupt", "bits").ok()
    download = record.downloads("a", "brain", members=None)
    download.touched("stream.corrupt", "bits", "response").ok()

    assert holds(record.judged_by(ACCEPTING))


def test_a_cancelled_upload_must_not_become_an_experiment() -> None:
    record = Given()
    record.uploads("mallory", "half", intent="cancelled").lost("CANCELLED")
    record.asks_status("mallory", "half", "pending").ok()

    assert (
        "the upload of 'half' by mallory, cancelled, became an experiment: mallory met it"
        in broken(record.judged_by(ACCEPTING))
    )


@pytest.mark.parametrize("mode", ["drop", "loss"])
def test_an_upload_that_was_cut_off_must_not_become_an_experiment(mode: str) -> None:
    record = Given()
    record.uploads("alice", "half").touched("rpc", mode).lost()
    record.waits("a", brings="half").ok()

    assert "cut off on its way, became an experiment: a met it" in broken(
        record.judged_by(ACCEPTING)
    )


def test_an_upload_whose_answer_was_lost_may_have_become_an_experiment() -> None:
    record = Given()
    record.uploads("alice", "brain").touched("rpc.loss", "loss", "response").lost()
    record.waits("a", brings="brain").ok()

    assert is_silent(record.judged_by(ACCEPTING))


def test_a_cancelled_upload_that_was_made_again_may_be_there() -> None:
    record = Given()
    record.uploads("mallory", "half", intent="cancelled").lost("CANCELLED")
    again = record.uploads("mallory", "half")
    record.asks_status("mallory", "half", "pending").ok()
    again.ok()

    assert holds(record.judged_by(ACCEPTING))


# ---------------------------------------------------------------- no-residue


def probed(record: Given, at: str, **held: Json) -> Given:
    return record.note("probe", {"at": at, **held})


def test_a_name_is_free_again_after_a_refusal() -> None:
    record = Given()
    record.uploads("alice", "brain", intent="not_zip").refused("INVALID_ARGUMENT")
    record.uploads("alice", "brain").ok()

    assert holds(record.judged_by(RESIDUE))


def test_a_refused_upload_must_not_keep_the_name() -> None:
    record = Given()
    record.uploads("alice", "brain", intent="not_zip").refused("INVALID_ARGUMENT")
    record.at(60).uploads("bob", "brain").refused("ALREADY_EXISTS")

    message = broken(record.judged_by(RESIDUE))

    assert "bob was told at 60.0 s that the name 'brain' is in use" in message
    assert "only a refused upload used it before" in message


def test_a_cancelled_upload_must_not_keep_the_name() -> None:
    record = Given()
    record.uploads("alice", "brain", intent="cancelled").lost("CANCELLED")
    record.at(60).uploads("alice", "brain").refused("ALREADY_EXISTS")

    assert "is in use, though nobody has it" in broken(record.judged_by(RESIDUE))


def test_at_a_director_that_serves_others_somebody_else_may_have_the_name() -> None:
    record = Given().finds()
    record.uploads("bob", "brain").refused("ALREADY_EXISTS")

    assert record.judged_by(RESIDUE).validity is Validity.UNKNOWN


def test_it_may_take_a_moment_until_a_cancelled_upload_is_noticed() -> None:
    record = Given()
    record.uploads("alice", "brain", intent="cancelled").lost("CANCELLED")
    record.at(2).uploads("alice", "brain").refused("ALREADY_EXISTS")

    assert holds(record.judged_by(RESIDUE))


def test_an_upload_under_way_may_hold_the_name_and_then_be_refused() -> None:
    record = Given()
    first = record.uploads("alice", "brain")
    record.uploads("bob", "brain").refused("ALREADY_EXISTS")
    first.refused("INVALID_ARGUMENT")

    assert holds(record.judged_by(RESIDUE))


def test_whose_upload_was_not_answered_may_have_the_name() -> None:
    record = Given()
    record.uploads("alice", "brain").lost()
    record.at(600).uploads("bob", "brain").refused("ALREADY_EXISTS")

    assert holds(record.judged_by(RESIDUE))


def test_a_removed_experiment_must_not_keep_the_name() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.removes("alice", "brain").ok()
    record.at(60).uploads("bob", "brain").refused("ALREADY_EXISTS")

    assert "though nobody has it" in broken(record.judged_by(RESIDUE))


def test_a_refused_upload_must_not_be_there() -> None:
    record = Given()
    record.uploads("mallory", "bad", intent="not_zip").refused("INVALID_ARGUMENT")
    record.waits("a", brings="bad").ok()

    assert "was refused at 0.0 s, but a met the experiment" in broken(record.judged_by(RESIDUE))


def test_a_refused_upload_leaves_what_others_have() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.uploads("bob", "brain").refused("ALREADY_EXISTS")
    record.waits("a", brings="brain").ok()

    assert holds(record.judged_by(RESIDUE))


def test_no_file_is_left() -> None:
    record = Given()
    probed(record, "calm", temporary=0, archives=0)
    record.uploads("mallory", "bad", intent="not_zip").refused("INVALID_ARGUMENT")
    probed(record, "end", temporary=1, archives=0)

    assert "1 temporary files are left at the end" in broken(record.judged_by(RESIDUE))


def test_no_archive_is_left_without_an_experiment() -> None:
    record = Given()
    record.uploads("alice", "brain").ok()
    record.uploads("alice", "half", intent="cancelled").lost("CANCELLED")
    for number in range(3):
        record.uploads("mallory", f"bad-{number}", intent="not_zip").refused("INVALID_ARGUMENT")
    probed(record, "end", temporary=0, archives=6)

    assert "6 archives and models are left at the end" in broken(record.judged_by(RESIDUE))


def test_archives_of_experiments_that_may_be_there_may_be_there() -> None:
    record = Given()
    record.uploads("alice", "brain").lost()
    record.uploads("mallory", "bad", intent="not_zip").refused("INVALID_ARGUMENT")
    probed(record, "end", temporary=0, archives=2)

    assert holds(record.judged_by(RESIDUE))


def test_an_experiment_of_another_name_is_no_ghost_and_one_seen_before_neither() -> None:
    record = Given()
    record.downloads("a", "half", chunks=0, members=None).ok()
    record.asks_status("mallory", "half", "pending").ok()
    record.uploads("mallory", "half", intent="cancelled").lost("CANCELLED")
    record.waits("a").ok()

    assert holds(record.judged_by(ACCEPTING))


def test_an_upload_after_the_refused_one_explains_nothing() -> None:
    record = Given()
    record.uploads("alice", "brain").refused("ALREADY_EXISTS")
    record.uploads("bob", "brain").ok()

    assert "alice was told at 0.0 s that the name 'brain' is in use, though nobody has it" in (
        broken(record.judged_by(RESIDUE))
    )


def test_a_refused_upload_of_the_same_name_does_not_hold_it() -> None:
    record = Given()
    record.uploads("alice", "brain").refused("INVALID_ARGUMENT")
    record.uploads("bob", "brain").refused("ALREADY_EXISTS")

    assert "though nobody has it" in broken(record.judged_by(RESIDUE))
