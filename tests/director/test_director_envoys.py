"""What an envoy tells: its registration, its heartbeats and its failure reports."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from director.core.effects import Disregard, Effect
from director.core.lifecycle import Status
from director.core.model import Caller, EnvoyName, Failure, Shard
from director.errors import ForbiddenError, InvalidShardError, UnknownEnvoyError
from tests.director.house import CT, EPOCH, MRI, A, House, caller, housed, shard, told


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
