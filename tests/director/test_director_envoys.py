"""What an envoy sees: registration, heartbeats, long polls, downloads and failure reports."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from director.core.effects import Disregard, Effect
from director.core.lifecycle import Status
from director.core.model import Caller, EnvoyName, ExperimentName, Failure, Shard
from director.errors import (
    ForbiddenError,
    InvalidShardError,
    LimitExceededError,
    UnknownEnvoyError,
    UnknownExperimentError,
)
from director.settings import Limits, Settings
from tests.director.house import CT, EPOCH, MRI, A, B, House, caller, housed, shard, told


async def heartbeat(house: House, speaker: Caller, envoy: EnvoyName = A) -> float:
    return await house.director.report_heartbeat(
        speaker, envoy, is_experiment_running=False, devices=()
    )


# ---------------------------------------------------------------- registration and presence


async def test_whoever_fits_is_registered_and_whoever_does_not_is_not() -> None:
    async with housed() as house:
        assert await house.director.report_shard(caller(), shard("a"))
        assert not await house.director.report_shard(caller(), shard("b", shape=["28", "28"]))
        assert not await house.director.report_shard(caller(), shard("c", shape=[]))

        assert [view.shard.envoy for view in house.director.envoys(caller())] == ["a"]
        assert house.director.dataset() == (("1",), ("1",))


async def test_a_shard_without_a_name_is_refused() -> None:
    async with housed() as house:
        with pytest.raises(InvalidShardError):
            await house.director.report_shard(caller(tls=True), Shard(envoy=EnvoyName("")))


async def test_a_heartbeat_is_answered_with_the_period() -> None:
    async with housed() as default, housed(envoy_health_check_period=7) as set_to_seven:
        await default.register("a")
        await set_to_seven.register("a")

        assert await heartbeat(default, caller()) == 60
        assert await heartbeat(set_to_seven, caller()) == 7


async def test_a_stranger_has_to_register_first() -> None:
    async with housed() as house:
        with pytest.raises(UnknownEnvoyError):
            await heartbeat(house, caller())
        with pytest.raises(UnknownEnvoyError):
            await house.wait()
        assert house.director.held()["waits"] == 0


async def test_presence_follows_the_signs_of_life() -> None:
    async with housed(envoy_health_check_period=10) as house:
        await house.register("a")
        await asyncio.sleep(15)
        await heartbeat(house, caller())
        await asyncio.sleep(19)
        assert house.director.envoys(caller())[0].is_online

        await asyncio.sleep(2)

        [view] = house.director.envoys(caller())
        assert (view.is_online, view.seen_at, view.valid_s) == (False, EPOCH + 15, 20)


async def test_under_tls_an_envoy_acts_under_its_own_name_only() -> None:
    async with housed() as house:
        await house.register("a")
        eve = caller("eve", tls=True)
        attempts: list[Callable[[], Awaitable[object]]] = [
            lambda: house.director.report_shard(eve, shard("a")),
            lambda: heartbeat(house, eve),
            lambda: house.director.wait_experiment(eve, A),
            lambda: anext(house.director.download(eve, MRI, A)),
        ]

        for attempt in attempts:
            with pytest.raises(ForbiddenError, match="'eve': you cannot act as 'a'"):
                await attempt()


# ---------------------------------------------------------------- long polls


async def test_a_waiting_envoy_is_told_at_once() -> None:
    async with housed() as house:
        await house.register("a", "b")
        told = asyncio.ensure_future(house.wait("a"))
        other = asyncio.ensure_future(house.wait("b"))
        await asyncio.sleep(1)
        await house.submit(MRI, "a")
        accepted_at = asyncio.get_running_loop().time()

        assert await told == MRI

        assert asyncio.get_running_loop().time() == accepted_at
        assert not other.done()
        other.cancel()


async def test_an_envoy_that_comes_later_is_told_when_it_asks() -> None:
    async with housed() as house:
        await house.submit(MRI, "a")
        await house.register("a")

        assert await house.wait() == MRI
        assert await house.wait() == MRI


@pytest.mark.parametrize(("long_poll_s", "expected_s"), [(None, 60.0), (5.0, 5.0)])
async def test_a_long_poll_ends_in_time(long_poll_s: float | None, expected_s: float) -> None:
    async with housed(settings=Settings(long_poll_s=long_poll_s)) as house:
        await house.register("a")
        begun_at = asyncio.get_running_loop().time()

        assert await house.wait() is None

        assert asyncio.get_running_loop().time() - begun_at == expected_s
        assert house.director.held()["waits"] == 0


async def test_a_long_poll_that_is_cancelled_swallows_nothing() -> None:
    async with housed() as house:
        await house.register("a")
        gone = asyncio.ensure_future(house.wait())
        await asyncio.sleep(1)
        gone.cancel()
        await asyncio.sleep(0)
        assert house.director.held()["waits"] == 0

        await house.submit()

        assert await house.wait() == MRI


async def test_a_long_poll_that_is_cancelled_when_it_is_answered_swallows_nothing() -> None:
    async with housed() as house:
        await house.register("a")
        gone = asyncio.ensure_future(house.wait())
        await asyncio.sleep(1)
        house.director.on_event(lambda *_: gone.cancel())

        await house.submit()

        assert gone.cancelled()
        assert await house.wait() == MRI


async def test_a_half_open_connection_does_not_swallow_a_delivery() -> None:
    async with housed() as house:
        await house.register("a")
        dead = asyncio.ensure_future(house.wait("a", connection="dead"))
        await asyncio.sleep(1)
        live = asyncio.ensure_future(house.wait("a", connection="live"))
        await asyncio.sleep(1)

        await house.submit()

        assert await live == await dead == MRI


async def test_an_envoy_may_hold_only_so_many_long_polls() -> None:
    settings = Settings(limits=Limits(max_waits_per_envoy=1))
    async with housed(settings=settings) as house:
        await house.register("a")
        first = asyncio.ensure_future(house.wait())
        await asyncio.sleep(1)

        with pytest.raises(LimitExceededError):
            await house.wait()
        second = asyncio.ensure_future(house.wait(connection="2"))

        assert await first is None
        second.cancel()


async def test_nobody_is_told_of_an_experiment_after_it_has_ended() -> None:
    async with housed() as house:
        names = [f"envoy-{number}" for number in range(2_000)]
        await house.register(*names)
        waits = [asyncio.ensure_future(house.wait(name)) for name in names]
        await asyncio.sleep(0.5)

        await house.submit(MRI, *names)
        await house.fail(MRI, names[0])
        told_in_time = [wait.result() for wait in waits if wait.done()]
        told = await asyncio.gather(*waits)

        assert len(told_in_time) < len(names)
        assert told == told_in_time + [None] * (len(names) - len(told_in_time))


async def test_ten_thousand_are_woken_in_slices() -> None:
    async with housed() as house:
        names = [f"envoy-{number}" for number in range(10_000)]
        await house.register(*names)
        waits = [asyncio.ensure_future(house.wait(name)) for name in names]
        await asyncio.sleep(0.5)

        await house.submit(MRI, *names)
        woken = sum(wait.done() for wait in waits)
        told = await asyncio.gather(*waits)

        assert woken < 1_000
        assert set(told) == {MRI}


# ---------------------------------------------------------------- downloads


async def test_everybody_downloads_the_same_archive() -> None:
    async with housed(settings=Settings(chunk_bytes=64)) as house:
        await house.submit(MRI, "a", "b")

        one, other = await asyncio.gather(house.download(MRI, "a"), house.download(MRI, "b"))

        assert one == other
        assert len(one) > 64


async def test_after_its_download_an_envoy_is_not_told_again_unless_it_reconnects() -> None:
    async with housed() as house:
        await house.register("a")
        await house.submit()
        assert await house.wait() == MRI

        await house.download()

        assert await house.wait() is None
        assert await house.wait(connection="2") == MRI


async def test_a_download_that_is_broken_off_does_not_count() -> None:
    async with housed(settings=Settings(chunk_bytes=64)) as house:
        await house.register("a")
        await house.submit()
        assert await house.wait() == MRI

        download = house.director.download(caller(), MRI, A)
        await anext(download)
        assert house.director.held()["streams"] == 1
        await download.aclose()

        assert house.director.held()["streams"] == 0
        assert await house.wait() == MRI


async def test_a_download_goes_on_to_its_end_although_the_experiment_ends() -> None:
    async with housed(settings=Settings(chunk_bytes=64, chunk_cache_bytes=0)) as house:
        await house.submit(MRI, "a", "b")
        whole = await house.download(MRI, "b")

        download = house.director.download(caller(), MRI, A)
        begun = await anext(download)
        await house.fail()
        await house.director.remove(caller(), MRI)
        rest = [chunk async for chunk in download]

        assert begun + b"".join(rest) == whole
        assert house.archives.list() == {}


async def test_an_archive_is_only_for_participants_of_what_has_started() -> None:
    async with housed() as house:
        await house.submit(MRI, "a")

        for name, envoy in ((MRI, B), (CT, A), (ExperimentName(""), A)):
            with pytest.raises(UnknownExperimentError):
                await house.download(name, envoy)


async def test_what_is_over_is_an_empty_download() -> None:
    async with housed() as house:
        await house.submit(MRI, "a")
        await house.submit(CT, "a")
        await house.fail(MRI)
        await house.director.remove(caller(), CT)

        assert await house.download(MRI) == await house.download(CT) == b""


async def test_a_download_begins_when_the_archive_is_ready() -> None:
    async with housed() as house:
        house.director._parts._opener._announced.clear()
        await house.submit()
        early = asyncio.ensure_future(house.download())
        never = asyncio.ensure_future(house.download())
        await asyncio.sleep(1)
        assert not early.done()
        never.cancel()

        house.director.announce("director", 50051)

        assert await early != b""
        assert (await house.settled())["streams"] == 0


async def test_a_download_that_waited_for_what_has_ended_is_empty(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with housed() as house:
        house.director._parts._opener._announced.clear()
        await house.submit()
        early = asyncio.ensure_future(house.download())
        await asyncio.sleep(1)

        await house.fail()

        assert await early == b""
        house.director.announce("director", 50051)
        assert await house.settled() == {
            "waits": 0,
            "tasks": 0,
            "archives": 0,
            "streams": 0,
            "uploads": 0,
        }
        assert "could not be opened" not in caplog.text


# ---------------------------------------------------------------- failure reports


@pytest.mark.parametrize("tls", [False, True])
async def test_a_participant_fails_its_experiment(tls: bool) -> None:  # noqa: FBT001
    async with housed() as house:
        await house.submit(MRI, "a", "b")
        failure = Failure(experiment=MRI, collaborator=A, code=1, description="no memory")

        await house.director.report_failure(caller("a", tls=tls), failure)
        await house.director.report_failure(caller("a", tls=tls), failure)

        assert house.status() is Status.FAILED


async def test_a_failure_report_by_others_is_answered_alike_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with housed() as house:
        await house.submit(MRI, "a")
        mri_by_a = Failure(experiment=MRI, collaborator=A)
        followed: list[Effect] = []
        house.director.on_event(lambda _, effects: followed.extend(effects))

        await house.director.report_failure(caller("eve", tls=True), mri_by_a)
        await house.fail(MRI, "b")
        await house.fail(CT, "a")

        assert house.status() is Status.IN_PROGRESS
        assert [type(effect) for effect in followed] == [Disregard] * 3
        expected = (
            f"a disregarded: {ForbiddenError('eve', 'a')} [experiment={MRI!r}]",
            f"b disregarded: its sender has no part in the experiment [experiment={MRI!r}]",
            f"a disregarded: there is no such experiment [experiment={CT!r}]",
        )
        lines = [told(record) for record in caplog.records if "disregarded" in record.message]
        assert lines == [f"failure report of {report}" for report in expected]
