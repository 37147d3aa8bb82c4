"""A Director without a federation: it notes what it is asked, and answers what it was told to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from director.core.lifecycle import Status
from director.core.model import (
    Assignment,
    Caller,
    Device,
    EncodedTensor,
    EnvoyName,
    ExperimentName,
    Failure,
    Idle,
    Metric,
    Model,
    ModelKind,
    Shard,
    TaskResult,
    TensorRequest,
)
from director.core.queries import EnvoyView, ExperimentSummary, ExperimentView
from director.interface import RunAddress, UploadPart


@dataclass(frozen=True)
class Asked:
    """One request, as it reached the Director."""

    method: str
    caller: Caller | None
    arguments: tuple[object, ...]


class FakeDirector:
    """Provides `DirectorInterface`; `refusal`, where set, is what every method raises."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords
        self.asked: list[Asked] = []
        self.refusal: Exception | None = None
        self.listens_on: tuple[str, int] | None = None
        self.is_started = False
        self.is_closed = False
        self._told: asyncio.Queue[str] = asyncio.Queue()
        self.upload: list[UploadPart] = []

        self.accepts = True
        self.period_s = 60.0
        self.delivers: str | None = "brain-mri"
        self.chunks: list[bytes] = []
        self.envoy_views: list[EnvoyView] = []
        self.experiment_status = Status.PENDING
        self.views: list[ExperimentView] = []
        self.summaries: list[ExperimentSummary] = []
        self.model: Model = {}
        self.measured: list[Metric] = []
        self.removes = True
        self.assignment: Assignment = Idle(round=0)
        self.tensor = EncodedTensor(name="w")
        self.expects = True
        self.holds = False
        """Whether what waits and streams goes on until the Director is closed."""
        self._closing: asyncio.Event | None = None

    def ask(self, method: str, caller: Caller | None, *arguments: object) -> None:
        self.asked.append(Asked(method, caller, arguments))
        self._told.put_nowait(f"asked {method}")
        if self.refusal is not None:
            raise self.refusal

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    async def until(self, what: str) -> None:
        """Wait until "asked METHOD" or "cancelled METHOD" has happened."""
        while await self._told.get() != what:
            pass

    def _cancelled(self, method: str) -> None:
        self._told.put_nowait(f"cancelled {method}")

    async def start(self) -> None:
        self._closing = asyncio.Event()
        self.is_started = True

    async def close(self) -> None:
        self.drain()
        self.is_closed = True

    def drain(self) -> None:
        if self._closing is not None:
            self._closing.set()

    def announce(self, host: str, port: int) -> None:
        self.listens_on = (host, port)

    async def _held(self, method: str) -> None:
        assert self._closing is not None
        if self.holds:
            try:
                await self._closing.wait()
            except asyncio.CancelledError:
                self._cancelled(method)
                raise

    async def report_shard(self, caller: Caller, shard: Shard) -> bool:
        self.ask("report_shard", caller, shard)
        return self.accepts

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        self.ask("report_heartbeat", caller, envoy, is_experiment_running, devices)
        return self.period_s

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        self.ask("wait_experiment", caller, envoy)
        await self._held("wait_experiment")
        return ExperimentName(self.delivers) if self.delivers is not None else None

    async def download(
        self, caller: Caller, experiment: ExperimentName, collaborator: EnvoyName
    ) -> AsyncIterator[bytes]:
        self.ask("download", caller, experiment, collaborator)
        for chunk in self.chunks:
            yield chunk

    async def report_failure(self, caller: Caller, failure: Failure) -> None:
        self.ask("report_failure", caller, failure)

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        self.ask("submit", caller)
        try:
            async for part in upload:
                self.upload.append(part)
        except asyncio.CancelledError:
            self._cancelled("submit")
            raise

    def dataset(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self.ask("dataset", None)
        return self.keywords["sample_shape"], self.keywords["target_shape"]

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        self.ask("envoys", caller)
        return self.envoy_views

    def status(self, caller: Caller, experiment: ExperimentName) -> Status:
        self.ask("status", caller, experiment)
        return self.experiment_status

    def experiments(self, caller: Caller) -> Sequence[ExperimentSummary]:
        self.ask("experiments", caller)
        return self.summaries

    def describe(self, caller: Caller, experiment: ExperimentName) -> ExperimentView:
        self.ask("describe", caller, experiment)
        return self.views[0]

    async def trained_model(
        self, caller: Caller, experiment: ExperimentName, kind: ModelKind
    ) -> Model:
        self.ask("trained_model", caller, experiment, kind)
        return self.model

    async def metrics(self, caller: Caller, experiment: ExperimentName) -> AsyncIterator[Metric]:
        self.ask("metrics", caller, experiment)
        for metric in self.measured:
            yield metric
        await self._held("metrics")

    async def remove(self, caller: Caller, experiment: ExperimentName) -> bool:
        self.ask("remove", caller, experiment)
        return self.removes

    def tasks(self, caller: Caller, address: RunAddress) -> Assignment:
        self.ask("tasks", caller, address)
        return self.assignment

    def aggregated_tensor(
        self, caller: Caller, address: RunAddress, request: TensorRequest
    ) -> EncodedTensor:
        self.ask("aggregated_tensor", caller, address, request)
        return self.tensor

    def expects_results(self, caller: Caller, address: RunAddress) -> bool:
        del caller, address  # what is reported in the end shows them
        if self.refusal is not None:
            raise self.refusal
        return self.expects

    async def report_results(self, caller: Caller, address: RunAddress, result: TaskResult) -> None:
        self.ask("report_results", caller, address, result)


def float32(*values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)
