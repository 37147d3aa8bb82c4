"""The beginning and the end of a Director, and what it tells of itself."""

import asyncio
import logging

import pytest

from director.core.events import Durable, Event, ShardReported
from director.core.lifecycle import Status
from director.core.model import ModelKind, TaskResult
from director.director import Director
from director.errors import UnavailableError
from director.interface import DirectorInterface
from director.storage import MemoryArchives, MemoryJournal
from tests.director.house import CT, MRI, A, caller, housed, shard, told

# ---------------------------------------------------------------- beginning and end


def test_a_director_is_what_the_transport_asks_for() -> None:
    director: DirectorInterface = Director(
        sample_shape=["28", "28"],
        target_shape=["10"],
        envoy_health_check_period=5,
        review_plan_callback=None,
    )

    assert director.dataset() == (("28", "28"), ("10",))
    assert repr(director) == "<Director: <Federation: 0 envoys, 0 experiments>>"


async def test_the_end_answers_whoever_waits_and_whoever_follows() -> None:
    async with housed() as house:
        await house.register("a", "b")
        await house.submit(MRI, "a")
        waiting = asyncio.ensure_future(house.wait("b"))
        following = asyncio.ensure_future(house.metrics())
        await asyncio.sleep(1)

        await house.director.close()

        assert await waiting is None
        with pytest.raises(UnavailableError, match="stopping"):
            await following
        assert await house.wait("b") is None
        with pytest.raises(UnavailableError, match="stopping"):
            await house.director.report_shard(caller(), shard("c"))
        with pytest.raises(UnavailableError, match="stopping"):
            await house.submit(CT)
        assert (await house.settled())["archives"] == 2


async def test_a_director_that_is_started_again_knows_what_it_knew() -> None:
    journal, archives = MemoryJournal(), MemoryArchives()
    async with housed(journal=journal, archives=archives) as house:
        await house.register("a")
        await house.submit(MRI)
        await house.submit(CT)
        await house.fail(CT)
        before = await house.join(MRI)
        async with archives.writer() as writer:
            await writer.write(b"a half upload that nobody will finish")
            await writer.commit()

    async with housed(journal=journal, archives=archives) as house:
        assert [view.shard.envoy for view in house.director.envoys(caller())] == ["a"]
        assert (house.status(MRI), house.status(CT)) == (Status.IN_PROGRESS, Status.FAILED)
        assert len(archives.list()) == 2
        assert await house.metrics(CT) == []
        assert await house.wait() == MRI
        assert await house.join(MRI) == before

        await house.work_to_the_end(before)

        assert house.status(MRI) is Status.FINISHED


async def test_a_collaborator_is_put_off_while_its_run_is_being_opened_again() -> None:
    journal, archives = MemoryJournal(), MemoryArchives()
    async with housed(journal=journal, archives=archives) as house:
        await house.submit()
        address = await house.join()

    again = Director(journal=journal, archives=archives)
    await again.start()
    with pytest.raises(UnavailableError):
        again.tasks(caller("a"), address)
    await again.close()


async def test_a_pending_review_is_asked_again_after_a_restart() -> None:
    journal, archives = MemoryJournal(), MemoryArchives()

    async def never(*_: object) -> bool:
        return await asyncio.Event().wait()

    async with housed(journal=journal, archives=archives, review_plan_callback=never) as house:
        await house.submit()
        await asyncio.sleep(1)

    async with housed(journal=journal, archives=archives) as house:
        await asyncio.sleep(1)

        assert house.status() is Status.IN_PROGRESS


class FullJournal(MemoryJournal):
    """Has no room left, until it is emptied."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False

    async def append(self, event: Durable, now: float) -> int:
        await asyncio.sleep(0.01)
        if self.is_full:
            raise UnavailableError("no room left")
        return await super().append(event, now)


async def test_what_cannot_be_written_down_does_not_happen() -> None:
    journal = FullJournal()
    async with housed(journal=journal) as house:
        journal.is_full = True
        for refused in (house.register("a"), house.submit()):
            with pytest.raises(UnavailableError, match="no room"):
                await refused

        assert (await house.settled())["archives"] == 0
        assert not house.director.envoys(caller())
        assert not house.director.experiments(caller())


async def test_a_run_that_cannot_be_finished_yet_is_finished_later() -> None:
    journal = FullJournal()
    async with housed(journal=journal) as house:
        await house.submit()
        address = await house.join()
        await house.work(address)
        await house.work(address)
        journal.is_full = True

        with pytest.raises(UnavailableError, match="no room"):
            await house.work(address)
        await asyncio.sleep(30)
        view = house.director.describe(caller(), MRI)
        assert (view.status, view.current_round) == (Status.IN_PROGRESS, 2)
        assert await house.work(address) == 0
        journal.is_full = False
        await asyncio.sleep(120)

        assert house.status() is Status.FINISHED


async def test_of_two_names_that_are_written_down_at_once_one_is_taken() -> None:
    journal = FullJournal()
    async with housed(journal=journal) as house:
        outcomes = await asyncio.gather(
            house.submit(owner="alice"), house.submit(owner="bob"), return_exceptions=True
        )

        assert [type(outcome).__name__ for outcome in outcomes] == [
            "NoneType",
            "DuplicateExperimentError",
        ]
        assert (await house.settled())["archives"] == 2

    async with housed(journal=journal, archives=house.archives) as again:
        assert again.status(owner="alice") is Status.IN_PROGRESS


async def test_an_experiment_whose_archive_is_lost_fails_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = MemoryJournal()
    async with housed(journal=journal) as house:
        await house.submit(MRI)

    async with housed(journal=journal) as house:
        await house.submit(CT)
        await asyncio.sleep(1)

        view = house.director.describe(caller(), MRI)
        assert view.status is Status.FAILED
        assert "failed to open" in view.reason
        assert house.status(CT) is Status.IN_PROGRESS
        assert "could not be opened" in caplog.text


# ---------------------------------------------------------------- what it tells


async def test_an_observer_is_told_of_events_and_cannot_disturb() -> None:
    async with housed() as house:
        seen: list[Event] = []

        def observe(event: Event, effects: object) -> None:
            seen.append(event)
            raise ValueError(effects)

        stop = house.director.on_event(observe)
        await house.register("a")
        stop()
        await house.register("b")

        assert seen == [ShardReported(shard=shard("a"))]


async def test_the_log_tells_what_happens_and_who_did_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with housed() as house:
        await house.register("a", "a")
        await house.director.report_shard(caller("%s\n"), shard("b", shape=["2"]))
        await house.submit()
        await house.wait()
        await house.work_to_the_end(await house.join())
        await house.director.trained_model(caller(), MRI, ModelKind.LAST)
        await house.director.remove(caller(), MRI)

    lines = [told(record) for record in caplog.records if record.name == "director"]
    mri = "experiment='brain-mri'"
    assert lines[:5] == [
        "envoy a registered [caller='a']",
        "envoy a registered again [caller='a']",
        "envoy b turned away: its shapes do not fit [caller='%s\\n']",
        f"started [{mri}]",
        f"accepted: 3 rounds, 1 collaborators [caller='alice' {mri}]",
    ]
    assert f"handed out to a [caller='a' {mri}]" in lines
    assert f"downloaded by a [caller='a' {mri}]" in lines
    assert f"round 3 of 3 closed [{mri}]" in lines
    assert lines[-2:] == [f"ended, finished [{mri}]", f"removed [caller='alice' {mri}]"]
    assert caplog.records[0].__dict__["caller"] == "a"


async def test_results_that_do_not_count_are_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with housed() as house:
        await house.submit()
        address = await house.join()
        late = TaskResult(collaborator=A, round=7, task="train", data_size=1, tensors=())

        await house.director.report_results(caller("a"), address, late)

        [line] = [told(record) for record in caplog.records if "left out" in record.message]
        assert line == (
            "of what a sent for train in round 7 something was left out: the running round is 0"
            " [experiment='brain-mri']"
        )
