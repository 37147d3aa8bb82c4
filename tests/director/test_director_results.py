"""Results that take long to read: elsewhere, one at a time, and only where they can still count."""

import asyncio
from collections.abc import Callable

import numpy as np

from director.core.lifecycle import Status
from director.core.model import EncodedTensor, ModelKind, TaskResult, Work
from director.core.tensors import encode
from director.interface import RunAddress
from director.offload import T
from director.settings import Limits, Settings
from tests.director.house import MRI, A, House, caller, housed

LARGE = np.ones(2**19, np.float32)


class Elsewhere:
    """A worker that begins only when it is let to."""

    def __init__(self, house: House) -> None:
        self.works = 0
        self.may_begin = asyncio.Event()
        house.director._parts.collaborations._offload = self

    async def __call__(self, work: Callable[[], T], /) -> T:
        self.works += 1
        await self.may_begin.wait()
        return work()


def large(*tags: str) -> EncodedTensor:
    return encode("weights", LARGE, round_number=0, tags=tags)


async def joined(house: House) -> RunAddress:
    await house.register("a")
    await house.submit(MRI, "a", tensors=(large("model"),))
    return await house.join(MRI, "a")


async def report(
    house: House, address: RunAddress, *tensors: EncodedTensor, task: str = "train"
) -> None:
    result = TaskResult(collaborator=A, round=0, task=task, data_size=1, tensors=tensors)
    await house.director.report_results(caller("a"), address, result)


def pending(house: House, address: RunAddress) -> list[str]:
    assignment = house.director.tasks(caller("a"), address)
    return [task.name for task in assignment.tasks] if isinstance(assignment, Work) else []


async def test_others_are_answered_while_a_large_result_is_read() -> None:
    async with housed() as house:
        address = await joined(house)
        elsewhere = Elsewhere(house)

        reporting = asyncio.ensure_future(report(house, address, large("trained")))
        await asyncio.sleep(1)
        before = pending(house, address)
        elsewhere.may_begin.set()
        await reporting

        assert before[0] == "train"
        assert pending(house, address) == before[1:]


async def test_a_large_result_that_is_sent_many_times_is_read_once() -> None:
    async with housed() as house:
        address = await joined(house)
        elsewhere = Elsewhere(house)

        reporting = asyncio.gather(*(report(house, address, large("trained")) for _ in range(5)))
        await asyncio.sleep(1)
        elsewhere.may_begin.set()
        await reporting

        assert elsewhere.works == 1


async def test_a_large_result_of_a_run_that_ends_meanwhile_is_forgotten() -> None:
    async with housed() as house:
        address = await joined(house)
        elsewhere = Elsewhere(house)

        reporting = asyncio.ensure_future(report(house, address, large("trained")))
        await asyncio.sleep(1)
        await house.fail()
        elsewhere.may_begin.set()
        await reporting

        assert house.status() is Status.FAILED
        assert await house.director.trained_model(caller(), MRI, ModelKind.LAST) == {}


async def test_an_experiment_whose_model_outgrows_its_limit_fails_and_says_so() -> None:
    limits = Limits(max_model_bytes=LARGE.nbytes + 8)
    async with housed(settings=Settings(limits=limits)) as house:
        address = await joined(house)
        moments = [
            encode(name, LARGE[:2], round_number=0, tags=("trained",)) for name in ("m", "v")
        ]

        await report(house, address, large("trained"), *moments)
        await report(house, address, task="locally_tuned_model_validation")
        await report(house, address, task="aggregated_model_validation")

        await asyncio.sleep(1)

        assert house.status() is Status.FAILED
        described = house.director.describe(caller(), MRI)
        assert "2 new tensors, such as 'm', would make the model too large" in described.reason
