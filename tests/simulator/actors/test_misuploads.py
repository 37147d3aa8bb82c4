"""Uploads that are wrong in one way each."""

import io
from dataclasses import replace
from random import Random
from typing import get_args

import pytest

from director.errors import DirectorError
from director.workspace import ArchiveLimits, read_workspace
from simulator.actors.misuploads import misuploads
from simulator.actors.submitting import draft
from simulator.actors.uploads import Upload, whole
from simulator.actors.workspace import Recipe
from simulator.world import MisuploadMode

RECIPE = Recipe(rounds=2, host="127.0.0.1", size_bytes=16 * 2**10)
GOOD = draft("e1", ("a", "b"), recipe=RECIPE, chunk_bytes=4096, random=Random(1))


def made(mode: str) -> list[Upload]:
    return misuploads(mode, GOOD, RECIPE, Random(2))


def content_of(upload: Upload) -> bytes:
    return b"".join(message.experiment_data.npbytes for message in upload.messages)


def test_a_whole_upload_repeats_all_but_the_chunk_in_every_message() -> None:
    upload = whole(GOOD)

    assert len(upload.messages) == 5
    assert content_of(upload) == GOOD.content
    for message in upload.messages:
        assert message.name == "e1"
        assert list(message.collaborator_names) == ["a", "b"]
        assert message.model_proto == GOOD.model
        assert message.experiment_data.size == len(message.experiment_data.npbytes)


def test_the_history_tells_what_is_uploaded() -> None:
    told = whole(GOOD).told

    assert told["experiment"] == "e1"
    assert told["collaborators"] == ["a", "b"]
    assert (told["chunks"], told["size"]) == (5, len(GOOD.content))
    assert told["rounds"] == 2
    assert told["intent"] == "whole"
    assert isinstance(told["members"], dict)
    assert isinstance(told["model"], dict)
    assert set(told["model"]) == {"weights", "bias"}


@pytest.mark.parametrize("mode", get_args(MisuploadMode))
def test_every_mode_is_known_and_told(mode: str) -> None:
    uploads = made(mode)

    assert uploads
    assert all(upload.told["intent"] == mode for upload in uploads)


@pytest.mark.parametrize("mode", get_args(MisuploadMode))
def test_every_mode_errs_in_something(mode: str) -> None:
    good = whole(replace(GOOD, chunk_bytes=len(GOOD.content) // 4))

    for upload in made(mode):
        assert (upload.messages, upload.silent_after) != (good.messages, None)


@pytest.mark.parametrize("mode", ["not_zip", "no_plan", "bad_plan", "zip_slip", "zip_bomb"])
def test_a_bad_archive_is_bad_in_our_directors_eyes(mode: str) -> None:
    (upload,) = made(mode)

    with pytest.raises(DirectorError):
        read_workspace(io.BytesIO(content_of(upload)), ArchiveLimits())


def test_an_empty_upload_has_no_message_at_all() -> None:
    (upload,) = made("empty")

    assert upload.messages == ()
    assert (upload.told["chunks"], upload.told["members"]) == (0, None)


def test_only_the_last_message_contradicts_the_others() -> None:
    for mode in ("size_lie", "inconsistent_name", "inconsistent_collaborators"):
        (upload,) = made(mode)
        *others, last = upload.messages

        assert len({(m.name, tuple(m.collaborator_names)) for m in others}) == 1
        assert last.SerializeToString() != others[-1].SerializeToString()


def test_a_model_that_changes_on_the_way_keeps_its_shape() -> None:
    (upload,) = made("inconsistent_model")

    first, last = upload.messages[0].model_proto, upload.messages[-1].model_proto

    assert first != last
    assert [len(t.data_bytes) for t in first.tensors] == [len(t.data_bytes) for t in last.tensors]


def test_bad_names_come_one_after_the_other() -> None:
    names = [upload.experiment for upload in made("bad_name")]

    assert "" in names
    assert "../e1" in names
    assert max(map(len, names)) >= 256
    assert all(upload.messages[0].name == upload.experiment for upload in made("bad_name"))


def test_who_falls_silent_has_said_half_of_it() -> None:
    (cancelled,), (late,) = made("cancelled"), made("deadline")

    assert 0 < (cancelled.silent_after or 0) < len(cancelled.messages)
    assert cancelled.hangs_up
    assert late.deadline_s is not None
    assert not late.hangs_up
