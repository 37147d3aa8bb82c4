"""What every kind of journal promises; one suite for all of them."""

import asyncio

import pytest

from director.core.events import Durable, ExperimentSubmitted, RunFinished, ShardReported
from director.core.model import BlobId, EnvoyName, ExperimentId, ExperimentName, Plan, Shard, Task
from director.storage import Journal, MemoryJournal

EVENTS: list[Durable] = [
    ShardReported(shard=Shard(envoy=EnvoyName("a"), sample_shape=("1",))),
    ExperimentSubmitted(
        name=ExperimentName("brain-mri"),
        owner="alice",
        collaborators=(EnvoyName("a"),),
        plan=Plan(rounds=3, tasks=(Task(name="train", function_name="fit", task_type="train"),)),
        archive=BlobId("a" * 64),
        model=BlobId("b" * 64),
    ),
    RunFinished(experiment=ExperimentId("1")),
]


@pytest.fixture(params=[MemoryJournal])
def journal(request: pytest.FixtureRequest) -> Journal:
    kind: type[MemoryJournal] = request.param
    return kind()


async def test_events_are_replayed_as_they_were_kept(journal: Journal) -> None:
    for number, event in enumerate(EVENTS):
        await journal.append(event, number + 0.5)

    assert list(journal.replay()) == [(event, n + 0.5) for n, event in enumerate(EVENTS)]


async def test_appends_that_overlap_keep_the_order_of_their_calls(journal: Journal) -> None:
    done: list[int] = []

    async def append(number: int) -> None:
        event = RunFinished(experiment=ExperimentId(str(number)))
        await journal.append(event, float(number))
        done.append(number)

    await asyncio.gather(*(append(number) for number in range(20)))

    assert [now for _, now in journal.replay()] == [float(number) for number in range(20)]
    assert done == list(range(20))


async def test_closing_forgets_nothing(journal: Journal) -> None:
    await journal.append(EVENTS[0], 1.0)

    await journal.close()

    assert list(journal.replay()) == [(EVENTS[0], 1.0)]
