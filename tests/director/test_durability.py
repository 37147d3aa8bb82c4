"""What a Director that was started again knows, and what it does not pretend to know."""

import asyncio
import logging
from typing import Any

import numpy as np
import pytest

from director.core.events import RunningLimitSet
from director.core.lifecycle import Status
from director.core.model import EnvoyName, ExperimentName, ModelKind, Shard
from director.core.snapshots import Snapshot
from director.settings import Limits, Settings
from director.shell import backlog
from director.storage import MemoryArchives, MemoryJournal
from tests.director.house import CT, EPOCH, MRI, A, House, LoopClock, caller, housed

Storage = dict[str, Any]

HOUR_S = 3_600.0


@pytest.fixture
def storage() -> Storage:
    """What outlives the Directors of a test."""
    return {"journal": MemoryJournal(), "archives": MemoryArchives()}


async def model(house: House, name: ExperimentName = MRI, kind: ModelKind = ModelKind.LAST) -> Any:
    found = await house.director.trained_model(caller(), name, kind)
    return found["weights"].tolist() if found else None


async def test_a_run_goes_on_from_its_last_closed_round(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a", "b")
        await house.submit(MRI, "a", "b")
        a, b = await house.join(MRI, "a"), await house.join(MRI, "b")
        await house.work(a)
        await house.work(b)
        await house.work(a, add=50.0)  # of a round that does not close
        before = house.director.describe(caller(), MRI)
        models = [await model(house, kind=kind) for kind in ModelKind]
        # The Director is killed: whatever it would still write does not count.
        await house.director.abandon()

    async with housed(**storage) as house:
        after = house.director.describe(caller(), MRI)
        assert (after.status, after.current_round) == (Status.IN_PROGRESS, 1)
        assert after.progress == before.progress == pytest.approx(1 / 3)
        assert [await model(house, kind=kind) for kind in ModelKind] == models
        assert await house.work(a) > 0
        await house.work_to_the_end(a, b)
        assert house.status() is Status.FINISHED
        assert await model(house) == [4.0, 5.0]


class WrongClock(LoopClock):
    """Was an hour ahead."""

    def now(self) -> float:
        return super().now() + HOUR_S


@pytest.mark.parametrize("is_stopped", [False, True], ids=["killed", "stopped"])
async def test_whoever_was_heard_of_in_the_future_has_to_be_heard_of_again(
    storage: Storage,
    is_stopped: bool,  # noqa: FBT001 - so that it is remembered from events, and from a snapshot
) -> None:
    async with housed(**storage, clock=WrongClock()) as house:
        await house.register("a", "b")
        if not is_stopped:
            await house.director.abandon()

    async with housed(**storage) as house:
        assert [view.is_online for view in house.director.envoys(caller())] == [False, False]
        await house.director.report_heartbeat(
            caller("a"), A, is_experiment_running=False, devices=()
        )
        heard_at = LoopClock().now()
        await asyncio.sleep(1)

        a, b = house.director.envoys(caller())
        assert (a.is_online, b.is_online) == (True, False)
        assert a.seen_at == heard_at > b.seen_at
        await asyncio.sleep(HOUR_S)
        assert [view.is_online for view in house.director.envoys(caller())] == [False, False]


async def test_what_ended_experiments_have_left_can_be_fetched(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit(MRI)
        await house.work_to_the_end(await house.join(MRI))
        await house.submit(CT)
        await house.work(await house.join(CT))
        await house.fail(CT)
        await house.settled()
        names = (MRI, CT)
        described = [house.director.describe(caller(), name) for name in names]
        models = [await model(house, name, kind) for name in names for kind in ModelKind]
        metrics = [await house.metrics(name) for name in names]
        assert all(metrics)

    for _ in range(2):
        async with housed(**storage) as house:
            assert [house.director.describe(caller(), name) for name in names] == described
            assert [
                await model(house, name, kind) for name in names for kind in ModelKind
            ] == models
            assert [await house.metrics(name) for name in names] == metrics
            assert [metric.value for told in metrics for metric in told]


async def test_followers_of_a_run_see_its_closed_rounds_again(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit()
        address = await house.join()
        await house.work(address)
        following = asyncio.ensure_future(house.metrics())
        await house.settled()
        await house.director.abandon()
        following.cancel()

    async with housed(**storage) as house:
        following = asyncio.ensure_future(house.metrics())
        await house.work_to_the_end(address)

        metrics = await following
        assert sorted({metric.round for metric in metrics}) == [0, 1, 2]
        labels = [(told.origin, told.task, told.name, told.round) for told in metrics]
        assert len(set(labels)) == len(labels)


async def test_a_removed_experiment_stays_removed_with_all_that_came_of_it(
    storage: Storage,
) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit()
        await house.work_to_the_end(await house.join())
        await house.settled()
        await house.director.remove(caller(), MRI)
        await house.director.abandon()

    async with housed(**storage) as house:
        assert house.director.experiments(caller()) == []
        assert await house.download() == b""
        assert storage["archives"].list() == {}


# ---------------------------------------------------------------- envoys


async def test_a_remembered_envoy_is_served_without_registering_again(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.director.abandon()

    async with housed(**storage) as house:
        waiting = asyncio.ensure_future(house.wait("a", connection="2"))
        await asyncio.sleep(1)
        await house.submit()

        assert await waiting == MRI


async def test_what_comes_every_minute_is_not_written_down(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit(MRI)
        before = list(storage["journal"].replay())

        await house.director.report_heartbeat(
            caller("a"), A, is_experiment_running=False, devices=()
        )
        assert await house.wait() == MRI
        house.director.tasks(caller("a"), await house.join())

        assert list(storage["journal"].replay()) == before


async def test_presence_is_told_of_signs_of_life_and_of_nothing_else(storage: Storage) -> None:
    async with housed(**storage, envoy_health_check_period=10) as house:
        await house.register("a")
        await asyncio.sleep(100)
        await heartbeat(house)
        await house.director.abandon()

    async with housed(**storage, envoy_health_check_period=10) as house:
        [known] = house.director.envoys(caller())
        assert not known.is_online, "the heartbeat was not written down, so nothing is known of it"
        assert known.seen_at == EPOCH

        await heartbeat(house)

        assert house.director.envoys(caller())[0].is_online


async def test_a_registration_counts_as_a_sign_of_life_over_a_restart(storage: Storage) -> None:
    async with housed(**storage, envoy_health_check_period=10) as house:
        await house.register("a")
        await house.director.abandon()

    async with housed(**storage, envoy_health_check_period=10) as house:
        await asyncio.sleep(10)
        assert house.director.envoys(caller())[0].is_online
        await asyncio.sleep(10)
        assert not house.director.envoys(caller())[0].is_online


async def test_a_director_that_says_goodbye_remembers_who_was_there(storage: Storage) -> None:
    async with housed(**storage, envoy_health_check_period=10) as house:
        await house.register("a")
        await asyncio.sleep(100)
        await heartbeat(house)

    async with housed(**storage, envoy_health_check_period=10) as house:
        [known] = house.director.envoys(caller())
        assert (known.is_online, known.seen_at) == (True, EPOCH + 100)


async def heartbeat(house: House) -> None:
    await house.director.report_heartbeat(
        caller("a"), EnvoyName("a"), is_experiment_running=False, devices=()
    )


# ---------------------------------------------------------------- settings, and what is told


async def test_a_lower_limit_takes_nothing_back(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.submit(MRI)
        await house.submit(CT)
        await house.director.abandon()

    one = Settings(limits=Limits(max_running_experiments=1))
    async with housed(**storage, settings=one) as house:
        assert [house.status(name) for name in (MRI, CT)] == [Status.IN_PROGRESS] * 2
        await house.submit(ExperimentName("next"))
        await house.fail(MRI)
        assert house.status(ExperimentName("next")) is Status.PENDING
        await house.fail(CT)
        assert house.status(ExperimentName("next")) is Status.IN_PROGRESS
        await house.director.abandon()

    async with housed(**storage) as house:
        assert house.status(ExperimentName("next")) is Status.IN_PROGRESS
        records = [entry.record for entry in storage["journal"].replay()]
        limits = [record for record in records if isinstance(record, RunningLimitSet)]
        assert limits == [RunningLimitSet(limit=1), RunningLimitSet(limit=32)]


async def test_a_start_tells_what_was_recovered(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with housed(**storage) as house:
        assert "recovered" not in caplog.text
        await house.register("a", "b")
        await house.submit(MRI, "a")
        await house.submit(CT, "b")
        await house.fail(CT, "b")
        await house.work(await house.join(MRI))
        await house.director.abandon()

    async with housed(**storage):
        assert "recovered: 2 experiments (1 running at round 2), 2 envoys, 0 ms" in caplog.text


# ---------------------------------------------------------------- snapshots


async def test_a_long_journal_is_gathered_up_while_the_director_runs(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "_MANY", 20)
    async with housed(**storage) as house:
        await house.submit()
        for _ in range(5):
            await house.register(*(f"e{number}" for number in range(10)))
        await house.settled()

        kept = list(storage["journal"].replay())
        assert isinstance(kept[0].record, Snapshot)
        assert len(kept) <= 21
        before = house.director.envoys(caller())
        await house.director.abandon()

    async with housed(**storage) as house:
        assert house.director.envoys(caller()) == before
        assert house.status() is Status.IN_PROGRESS


async def test_a_journal_of_few_large_events_is_gathered_up_too(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "_MANY_BYTES", 500_000)
    long = Shard(envoy=A, description="x" * 60_000, sample_shape=("1",), target_shape=("1",))
    async with housed(**storage) as house:
        for _ in range(20):
            assert await house.director.report_shard(caller("a"), long)
        await house.settled()

        kept = list(storage["journal"].replay())
        assert isinstance(kept[0].record, Snapshot)
        assert storage["journal"].size.events_bytes < 500_000


class CountingJournal(MemoryJournal):
    compactions = 0

    async def compact(self, snapshot: Snapshot, now: float, *, position: int) -> None:
        self.compactions += 1
        await super().compact(snapshot, now, position=position)


async def test_many_who_come_back_at_once_are_gathered_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "_MANY", 20)
    journal = CountingJournal()
    async with housed(journal=journal) as house:
        await asyncio.gather(*(house.register(f"e{number}") for number in range(30)))
        await house.settled()

        assert journal.compactions == 1


async def test_a_start_gathers_up_what_it_had_to_replay(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register(*(["a"] * 150))
        await house.director.abandon()
        assert len(list(storage["journal"].replay())) == 150

    async with housed(**storage) as house:
        await house.settled()
        [entry] = storage["journal"].replay()
        assert isinstance(entry.record, Snapshot)
        assert [view.shard.envoy for view in house.director.envoys(caller())] == ["a"]


async def test_models_are_the_same_bits_after_a_snapshot(storage: Storage) -> None:
    async with housed(**storage) as house:
        await house.register("a")
        await house.submit()
        address = await house.join()
        await house.work(address, add=0.1)
        before = np.array(await model(house), np.float32).tobytes()

    async with housed(**storage) as house:
        await house.settled()
        assert isinstance(next(iter(storage["journal"].replay())).record, Snapshot)
        assert np.array(await model(house), np.float32).tobytes() == before
        await house.work_to_the_end(address)
        assert house.status() is Status.FINISHED
