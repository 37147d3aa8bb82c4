"""What is accepted, what is refused, and what is left of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from director.core.lifecycle import Status
from director.core.tensors import encode
from director.errors import (
    DirectorError,
    DuplicateExperimentError,
    InvalidArchiveError,
    InvalidNameError,
    InvalidUploadError,
    LimitExceededError,
    UnknownExperimentError,
)
from director.interface import UploadPart
from director.settings import Limits, Settings
from tests.director.house import ARCHIVE, CT, MRI, WEIGHTS, House, caller, housed, model, parts
from tests.director.interruptions import interrupted
from tests.director.workspace.archives import with_plan

Spoil = Callable[[AsyncIterator[UploadPart]], AsyncIterator[UploadPart]]

EMPTY_HANDED = {"waits": 0, "tasks": 0, "archives": 0, "streams": 0, "uploads": 0}


async def refused(house: House, upload: AsyncIterator[UploadPart]) -> DirectorError:
    """Upload in vain, and see that nothing is left of it."""
    with pytest.raises(DirectorError) as refusal:
        await house.director.submit(caller(), upload)
    assert await house.settled() == EMPTY_HANDED
    assert house.director.experiments(caller()) == []
    assert list(house.journal.replay()) == []
    return refusal.value


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


async def test_limits_are_told() -> None:
    limits = Limits(max_archive_bytes=200, max_model_bytes=10, max_uploads=1)
    async with housed(settings=Settings(limits=limits)) as house:
        small = (encode("w", np.zeros(1, np.float32), round_number=0, tags=["model"]),)
        assert "200 bytes" in str(await refused(house, parts(tensors=small)))
        large = (encode("w", np.zeros(9, np.float32), round_number=0, tags=["model"]),)
        assert "10 bytes" in str(await refused(house, parts(tensors=large)))

        outcomes = await asyncio.gather(house.submit(MRI), house.submit(CT), return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [LimitExceededError] * 2
        assert "1 uploads" in str(outcomes[1])
        assert await house.settled() == EMPTY_HANDED


async def test_an_upload_that_stands_still_is_given_up() -> None:
    async def stalled() -> AsyncIterator[UploadPart]:
        yield await anext(parts())
        await asyncio.Event().wait()

    async with housed(settings=Settings(upload_idle_s=30)) as house:
        assert "for 30 s" in str(await refused(house, stalled()))


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


async def test_an_owner_that_reaches_its_limit_is_refused_early() -> None:
    limits = Limits(max_experiments_per_owner=1)
    async with housed(settings=Settings(limits=limits)) as house:
        await house.submit(MRI)

        with pytest.raises(LimitExceededError):
            await house.submit(CT)
        await house.director.remove(caller(), MRI)
        await house.submit(CT)

        assert house.status(CT) is Status.IN_PROGRESS


async def test_experiments_beyond_the_limit_wait_for_their_turn() -> None:
    limits = Limits(max_running_experiments=1)
    async with housed(settings=Settings(limits=limits)) as house:
        await house.submit(MRI)
        await house.submit(CT)
        assert house.status(CT) is Status.PENDING
        with pytest.raises(UnknownExperimentError):
            await house.download(CT)

        await house.fail(MRI)

        assert house.status(CT) is Status.IN_PROGRESS
        assert await house.download(CT) != b""


async def test_an_experiment_may_begin_without_a_model() -> None:
    async with housed() as house:
        await house.submit(tensors=())

        assert await house.download() != b""


async def silent() -> AsyncIterator[UploadPart]:
    await asyncio.Event().wait()
    yield await anext(parts())


async def dripping(*, every_s: float) -> AsyncIterator[UploadPart]:
    """Parts that bring nothing, for ever."""
    first = replace(await anext(parts("drip")), chunk=b"", tensors=())
    while True:
        yield first
        await asyncio.sleep(every_s)


async def test_uploads_that_say_nothing_keep_nobody_from_uploading() -> None:
    limits = Limits(max_uploads=2, max_uploads_per_owner=2)
    async with housed(settings=Settings(limits=limits)) as house:
        mute = [asyncio.create_task(house.director.submit(caller(), silent())) for _ in range(9)]
        await asyncio.sleep(1)

        await house.submit(owner="bob")

        assert house.status(owner="bob") is Status.IN_PROGRESS
        ends = await asyncio.gather(*mute, return_exceptions=True)
        assert {type(end) for end in ends} == {InvalidUploadError}


async def test_one_owner_cannot_take_every_place_for_uploads() -> None:
    limits = Limits(max_uploads=3, max_uploads_per_owner=2)
    async with housed(settings=Settings(limits=limits)) as house:
        held = [
            asyncio.create_task(house.director.submit(caller(), dripping(every_s=10)))
            for _ in range(2)
        ]
        await asyncio.sleep(1)

        with pytest.raises(LimitExceededError) as refused:
            await house.submit(MRI)
        await house.submit(CT, owner="bob")

        assert "2 of your uploads" in str(refused.value)
        assert house.status(CT, owner="bob") is Status.IN_PROGRESS
        await asyncio.gather(*held, return_exceptions=True)
        assert house.director.held()["uploads"] == 0


async def test_an_upload_that_only_keeps_itself_alive_is_given_up() -> None:
    settings = Settings(upload_idle_s=30)
    async with housed(settings=settings) as house:
        began_s = asyncio.get_running_loop().time()

        refusal = await refused(house, dripping(every_s=7))

        assert isinstance(refusal, InvalidUploadError)
        assert "for 30 s" in str(refusal)
        assert asyncio.get_running_loop().time() - began_s < 40


async def test_an_upload_over_a_slow_line_is_taken_however_long_it_takes() -> None:
    async def slow(*, bytes_per_s: int) -> AsyncIterator[UploadPart]:
        async for part in parts(archive=with_plan(noise=Random(1).randbytes(5_000))):
            await asyncio.sleep(len(part.chunk) / bytes_per_s)
            yield part

    settings = Settings(upload_idle_s=2, min_upload_bytes_per_s=90)
    async with housed(settings=settings) as house:
        await house.director.submit(caller(), slow(bytes_per_s=100))

        assert house.status() is Status.IN_PROGRESS
