"""A Director without its wire, and short words for what envoys, collaborators and owners do."""

import asyncio
import io
import logging
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from director.clock import Clock
from director.core.lifecycle import Status
from director.core.model import (
    Array,
    Caller,
    EncodedTensor,
    EnvoyName,
    ExperimentName,
    Failure,
    Metric,
    Quit,
    Shard,
    TaskResult,
    TensorRequest,
    Work,
)
from director.core.tensors import decode, encode
from director.director import Director
from director.interface import RunAddress, UploadPart
from director.log_lines import TextLines
from director.offload import inline
from director.storage import Archives, Journal, MemoryArchives, MemoryJournal
from director.storage.state import open_state
from director.workspace import federation_id
from tests.director.workspace.archives import with_plan

EPOCH = 1_700_000_000.0
MRI, CT = ExperimentName("brain-mri"), ExperimentName("lung-ct")
A, B = EnvoyName("a"), EnvoyName("b")

ARCHIVE = with_plan(**{"code.py": "print('hello')" * 100})
WEIGHTS = np.array([1.0, 2.0], np.float32)


class LoopClock:
    """The time of day as the loop has it, and by how much it was put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> float:
        return EPOCH + asyncio.get_running_loop().time() + self.ahead_s


def caller(name: str = "alice", *, tls: bool = False, connection: str = "1") -> Caller:
    return Caller(name=name, is_authenticated=tls, connection=connection)


def shard(envoy: str, *, shape: Sequence[str] = ("1",)) -> Shard:
    return Shard(envoy=EnvoyName(envoy), sample_shape=tuple(shape), target_shape=("1",))


def model(weights: Array = WEIGHTS) -> tuple[EncodedTensor, ...]:
    return (encode("weights", weights, round_number=0, tags=["model"]),)


async def parts(
    name: str = MRI,
    *collaborators: str,
    archive: bytes = ARCHIVE,
    chunk_bytes: int = 100,
    tensors: tuple[EncodedTensor, ...] | None = None,
) -> AsyncIterator[UploadPart]:
    """An upload as the transport gives it."""
    tensors = model() if tensors is None else tensors
    for start in range(0, max(len(archive), 1), chunk_bytes):
        await asyncio.sleep(0.001)
        yield UploadPart(
            name=name,
            collaborators=collaborators or ("a",),
            chunk=archive[start : start + chunk_bytes],
            tensors=tensors if start == 0 else None,
        )


def plan_of(archive: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read("plan/plan.yaml").decode()


@dataclass(frozen=True)
class House:
    """A started Director and what it stores in."""

    director: Director
    archives: Archives
    journal: Journal

    async def register(self, *envoys: str) -> None:
        for envoy in envoys:
            assert await self.director.report_shard(caller(envoy), shard(envoy))

    async def submit(
        self,
        name: ExperimentName = MRI,
        *collaborators: str,
        owner: str = "alice",
        **upload: Any,
    ) -> None:
        await self.director.submit(caller(owner), parts(name, *collaborators, **upload))

    async def wait(self, envoy: str = "a", connection: str = "1") -> ExperimentName | None:
        return await self.director.wait_experiment(
            caller(envoy, connection=connection), EnvoyName(envoy)
        )

    async def download(self, name: ExperimentName = MRI, envoy: str = "a") -> bytes:
        chunks = self.director.download(caller(envoy), name, EnvoyName(envoy))
        return b"".join([chunk async for chunk in chunks])

    async def join(self, name: ExperimentName = MRI, envoy: str = "a") -> RunAddress:
        """Fetch the archive and become a collaborator."""
        federation = federation_id(plan_of(await self.download(name, envoy)))
        return RunAddress(
            sender=EnvoyName(envoy), receiver=f"aggregator_{federation}", federation=federation
        )

    async def work(self, address: RunAddress, *, weight: int = 1, add: float = 1.0) -> int:
        """Do every task that there is now; return how many there were."""
        speaker = caller(address.sender, connection="aggregator")
        assignment = self.director.tasks(speaker, address)
        if not isinstance(assignment, Work):
            return 0
        for task in assignment.tasks:
            request = TensorRequest(name="weights", round=assignment.round, tags=("model",))
            got = decode(self.director.aggregated_tensor(speaker, address, request))
            await self.director.report_results(
                speaker,
                address,
                TaskResult(
                    collaborator=address.sender,
                    round=assignment.round,
                    task=task.name,
                    data_size=weight,
                    tensors=_results(task.task_type, got + np.float32(add)),
                ),
            )
        return len(assignment.tasks)

    async def work_to_the_end(self, *addresses: RunAddress) -> None:
        while any([await self.work(address) for address in addresses]):
            pass
        await asyncio.sleep(1)
        for address in addresses:
            assert isinstance(self.director.tasks(caller(address.sender), address), Quit)

    async def metrics(self, name: ExperimentName = MRI, owner: str = "alice") -> list[Metric]:
        return [metric async for metric in self.director.metrics(caller(owner), name)]

    async def fail(self, name: ExperimentName = MRI, envoy: str = "a") -> None:
        failure = Failure(experiment=name, collaborator=EnvoyName(envoy), description="no memory")
        await self.director.report_failure(caller(envoy), failure)

    def status(self, name: ExperimentName = MRI, owner: str = "alice") -> Status:
        return self.director.status(caller(owner), name)

    async def settled(self) -> dict[str, int]:
        """What is held once everything had time to come to rest."""
        await asyncio.sleep(1)
        return dict(self.director.held())


def _results(task_type: str, weights: Array) -> tuple[EncodedTensor, ...]:
    score = encode(
        "score", weights.mean(), round_number=0, tags=["metric", "validate_agg"], report=True
    )
    if task_type != "train":
        return (score,)
    return (encode("weights", weights, round_number=0, tags=["trained"]), score)


@asynccontextmanager
async def housed(
    *,
    journal: Journal | None = None,
    archives: Archives | None = None,
    clock: Clock | None = None,
    **keywords: Any,
) -> AsyncIterator[House]:
    """A Director that has begun, and is closed in the end."""
    house = House(
        director=Director(
            journal=(journal := MemoryJournal() if journal is None else journal),
            archives=(archives := MemoryArchives() if archives is None else archives),
            clock=clock or LoopClock(),
            offload=inline,
            **keywords,
        ),
        archives=archives,
        journal=journal,
    )
    house.director.announce("director", 50051)
    await house.director.start()
    try:
        yield house
    finally:
        await house.director.close()


async def running(house: House, *envoys: str) -> list[RunAddress]:
    await house.register(*envoys)
    await house.submit(MRI, *envoys)
    return [await house.join(MRI, envoy) for envoy in envoys]


@asynccontextmanager
async def kept_in(folder: Path) -> AsyncIterator[House]:
    """A Director in a state directory on a real disk, on real time."""
    state = open_state(folder)
    director = Director(journal=state.journal, archives=state.archives)
    director.announce("localhost", 1)
    try:
        await director.start()
        yield House(director=director, archives=state.archives, journal=state.journal)
    finally:
        await director.close()
        state.release()


def told(record: logging.LogRecord) -> str:
    """What a person reads of a log record, behind its time and level."""
    return TextLines().format(record).split(maxsplit=3)[3]
