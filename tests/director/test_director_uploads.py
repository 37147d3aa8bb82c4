"""What is accepted, what is refused, and what is left of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import numpy as np
import pytest

from director.core.lifecycle import Status
from director.errors import (
    DirectorError,
    DuplicateExperimentError,
    InvalidArchiveError,
    InvalidNameError,
    InvalidUploadError,
    UnknownExperimentError,
)
from director.interface import UploadPart
from director.settings import Settings
from tests.director.house import ARCHIVE, CT, MRI, WEIGHTS, caller, housed, model, parts
from tests.director.interruptions import interrupted
from tests.director.uploading import EMPTY_HANDED, refused
from tests.director.workspace.archives import with_plan

Spoil = Callable[[AsyncIterator[UploadPart]], AsyncIterator[UploadPart]]


async def cut(upload: AsyncIterator[UploadPart]) -> AsyncIterator[UploadPart]:
    yield await anext(upload)


async def without_messages(upload: AsyncIterator[UploadPart]) -> AsyncIterator[UploadPart]:
    for part in [part async for part in upload][:0]:
        yield part


async def in_another_order(upload: AsyncIterator[UploadPart]) -> AsyncIterator[UploadPart]:
    first, second, *rest = [part async for part in upload]
    for part in (replace(second, tensors=first.tensors), first, *rest):
        yield part


async def with_a_chunk_twice(upload: AsyncIterator[UploadPart]) -> AsyncIterator[UploadPart]:
    async for part in upload:
        yield part
        yield part


async def with_a_bit_flipped(upload: AsyncIterator[UploadPart]) -> AsyncIterator[UploadPart]:
    first = await anext(upload)
    yield replace(first, chunk=first.chunk[:60] + bytes([first.chunk[60] ^ 1]) + first.chunk[61:])
    async for part in upload:
        yield part


async def with_another_name(upload: AsyncIterator[UploadPart]) -> AsyncIterator[UploadPart]:
    yield await anext(upload)
    async for part in upload:
        yield replace(part, name="lung-ct")


async def with_other_collaborators(upload: AsyncIterator[UploadPart]) -> AsyncIterator[UploadPart]:
    yield await anext(upload)
    async for part in upload:
        yield replace(part, collaborators=("b",))


async def with_another_model(upload: AsyncIterator[UploadPart]) -> AsyncIterator[UploadPart]:
    yield await anext(upload)
    async for part in upload:
        yield replace(part, tensors=model(WEIGHTS + np.float32(1)))


@pytest.mark.parametrize(
    "spoil",
    [
        cut,
        without_messages,
        in_another_order,
        with_a_chunk_twice,
        with_a_bit_flipped,
        with_another_name,
        with_other_collaborators,
        with_another_model,
    ],
)
async def test_a_spoilt_upload_is_refused_and_leaves_nothing(spoil: Spoil) -> None:
    async with housed() as house:
        refusal = await refused(house, spoil(parts()))

        assert isinstance(refusal, InvalidUploadError)


@pytest.mark.parametrize(
    "archive",
    [b"", b"no zip at all", ARCHIVE[:-30], ARCHIVE + b"more", with_plan("aggregator: 3")],
)
async def test_what_is_not_a_runnable_archive_is_refused(archive: bytes) -> None:
    async with housed() as house:
        refusal = await refused(house, parts(archive=archive))

        assert isinstance(refusal, InvalidArchiveError)


async def test_a_damaged_model_is_refused() -> None:
    damaged = replace(model()[0], content=b"123")
    twice = model() * 2
    async with housed() as house:
        for tensors in ((damaged,), twice):
            refusal = await refused(house, parts(tensors=tensors))
            assert isinstance(refusal, InvalidUploadError)


@pytest.mark.parametrize(
    ("name", "collaborators", "refusal"),
    [
        ("../x", ("a",), InvalidNameError),
        ("", ("a",), InvalidNameError),
        ("x", ("a/b",), InvalidNameError),
        ("x", ("a", "a"), InvalidUploadError),
    ],
)
async def test_what_the_first_message_shows_is_refused_by_it(
    name: str, collaborators: tuple[str, ...], refusal: type[DirectorError]
) -> None:
    async with housed() as house:
        upload = parts(name, *collaborators)

        assert isinstance(await refused(house, upload), refusal)

        assert len([part async for part in upload]) > 1


async def test_a_name_in_use_is_refused_by_the_first_message() -> None:
    async with housed() as house:
        await house.submit()
        upload = parts()

        with pytest.raises(DuplicateExperimentError):
            await house.director.submit(caller("bob"), upload)

        assert len([part async for part in upload]) > 1
        assert house.status(owner="alice") is Status.IN_PROGRESS
        with pytest.raises(UnknownExperimentError):
            house.status(owner="bob")


async def test_of_two_that_upload_one_name_at_once_one_gets_it() -> None:
    async with housed() as house:
        owners = ["alice", "bob", "carol"]

        outcomes = await asyncio.gather(
            *(house.submit(owner=owner) for owner in owners), return_exceptions=True
        )

        assert [type(outcome) for outcome in outcomes] == [
            type(None),
            DuplicateExperimentError,
            DuplicateExperimentError,
        ]
        assert house.status(owner="alice") is Status.IN_PROGRESS
        assert list(house.archives.list().values()) == [1, 1]


async def test_equal_uploads_do_not_delete_each_others_archives() -> None:
    async with housed() as house:
        await house.submit(MRI)
        await house.submit(CT, owner="bob")
        await house.director.remove(caller("alice"), MRI)
        await house.settled()

        assert await house.download(CT) != b""


async def test_a_cancelled_upload_leaves_nothing_wherever_it_is_cancelled() -> None:
    async with housed() as house:
        nth = 1
        accepted = 0
        while await interrupted(house.submit(), nth):
            held = await house.settled()
            if house.director.experiments(caller()):
                # Cancelled when everything was said: its client cannot know.
                accepted += 1
                assert house.status() is Status.IN_PROGRESS
                assert await house.download() != b""
                await house.director.remove(caller(), MRI)
                held = await house.settled()
            assert held == EMPTY_HANDED
            assert house.archives.list() == {}
            nth += 1

        assert nth > 6
        assert accepted <= 1


async def test_a_cancelled_wait_or_download_leaves_nothing_wherever_it_is_cancelled() -> None:
    settings = Settings(chunk_bytes=64, chunk_cache_bytes=0)
    async with housed(settings=settings) as house:
        await house.register("a", "b")
        await house.submit(MRI, "a")
        before = await house.settled()

        for coroutine, least in ((house.download, 5), (lambda: house.wait("b"), 1)):
            nth = 1
            while await interrupted(coroutine(), nth):
                assert await house.settled() == before
                nth += 1
            assert nth > least

        assert await house.wait("a", connection="2") == MRI


async def test_an_experiment_may_begin_without_a_model() -> None:
    async with housed() as house:
        await house.submit(tensors=())

        assert await house.download() != b""
