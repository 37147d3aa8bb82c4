"""A Director of a few lines, trusting and obliging, that can be told to misbehave.

It averages without weights, keeps no secrets and checks nothing: enough for peers to live with.
It knows names only, and does not mind who asks.
"""

import asyncio
import io
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

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
    Quit,
    Shard,
    TaskResult,
    TensorRequest,
    Transformer,
    Work,
)
from director.core.queries import EnvoyView, ExperimentSummary, ExperimentView
from director.errors import (
    DirectorError,
    DuplicateExperimentError,
    InvalidUploadError,
    UnavailableError,
    UnknownEnvoyError,
    UnknownExperimentError,
)
from director.interface import RunAddress, UploadPart
from director.workspace import ArchiveLimits, read_workspace, rewrite_workspace
from tests.simulator.actors.obliging_runs import Run, array_of, close_round, view_of

CHUNK_BYTES = 16 * 2**10


class ObligingDirector:
    """`refuses` holds what the next calls of a method raise, None letting one pass."""

    def __init__(self, **_: Any) -> None:
        self.period_s = 2.0
        self.poll_s = 2.0
        self.accepts_shards = True
        self.idle_s = 1
        self.envoy_shards: dict[EnvoyName, Shard] = {}
        self.running: dict[str, list[bool]] = {}
        self.runs: dict[str, Run] = {}
        self.calls: Counter[str] = Counter()
        self.callers: dict[str, set[str]] = {}
        self.refuses: dict[str, deque[DirectorError | None]] = {}
        self.spoils: deque[str] = deque()
        """What is wrong with the next downloads: "empty", "bit" or "cut"."""
        self.loses_answers = False
        """Whether an upload is accepted and its client never told."""
        self.address = ("director", 50051)

    def _came(self, method: str, caller: Caller) -> None:
        self.calls[method] += 1
        self.callers.setdefault(method, set()).add(caller.name)
        queue = self.refuses.get(method)
        if queue and (refusal := queue.popleft()) is not None:
            raise refusal

    async def start(self) -> None:
        """Nothing has to be restored."""

    def drain(self) -> None:
        """Nobody waits for anything."""

    async def close(self) -> None:
        """Nothing runs in the background."""

    def announce(self, host: str, port: int) -> None:
        self.address = (host, port)

    # ------------------------------------------------------------ envoys

    async def report_shard(self, caller: Caller, shard: Shard) -> bool:
        self._came("report_shard", caller)
        if self.accepts_shards:
            self.envoy_shards[shard.envoy] = shard
        return self.accepts_shards

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        del devices
        self._came("report_heartbeat", caller)
        if envoy not in self.envoy_shards:
            raise UnknownEnvoyError(envoy)
        self.running.setdefault(envoy, []).append(is_experiment_running)
        return self.period_s

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        self._came("wait_experiment", caller)
        if envoy not in self.envoy_shards:
            raise UnknownEnvoyError(envoy)
        for _ in range(max(1, round(self.poll_s / 0.1))):
            for name, run in self.runs.items():
                is_due = run.status is Status.IN_PROGRESS and envoy not in run.fetched
                if is_due and envoy in run.collaborators:
                    return ExperimentName(name)
            await asyncio.sleep(0.1 if self.poll_s else 0)
        return None

    async def download(
        self, caller: Caller, experiment: ExperimentName, collaborator: EnvoyName
    ) -> AsyncIterator[bytes]:
        self._came("download", caller)
        run = self._run(experiment)
        content = bytearray(run.content)
        spoilt = self.spoils.popleft() if self.spoils else ""
        if spoilt == "bit":
            content[content.index(b"numpy")] ^= 1
        chunks = range(0, 0 if spoilt == "empty" else len(content), CHUNK_BYTES)
        for start in chunks:
            if spoilt == "cut" and start:
                raise UnavailableError("cut")
            yield bytes(content[start : start + CHUNK_BYTES])
        run.fetched[collaborator] = run.fetched.get(collaborator, 0) + 1

    async def report_failure(self, caller: Caller, failure: Failure) -> None:
        self._came("report_failure", caller)
        run = self.runs.get(failure.experiment)
        if run is not None and failure.collaborator in run.collaborators:
            run.failures.append(failure)
            run.status = Status.FAILED

    # ------------------------------------------------------------ frontends

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        self._came("submit", caller)
        parts = [part async for part in upload]
        if not parts:
            raise InvalidUploadError("the upload is empty")
        first = parts[0]
        if first.name in self.runs:
            raise DuplicateExperimentError(first.name)
        content = io.BytesIO(b"".join(part.chunk for part in parts))
        plan = read_workspace(content, ArchiveLimits()).plan
        host, port = self.address
        rewritten = io.BytesIO()
        federation = rewrite_workspace(
            content, rewritten, agg_addr=host, agg_port=port, hash_salt=first.name
        )
        self.runs[first.name] = Run(
            owner=caller.name,
            collaborators=tuple(map(EnvoyName, first.collaborators)),
            content=rewritten.getvalue(),
            federation=federation,
            rounds=plan.rounds,
            tasks=plan.tasks,
            model={tensor.name: array_of(tensor) for tensor in first.tensors or ()},
        )
        if self.loses_answers:
            raise UnavailableError("lost")

    def dataset(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return ("8",), ("1",)

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        self._came("envoys", caller)
        return [
            EnvoyView(
                shard=shard,
                is_online=True,
                is_experiment_running=False,
                seen_at=1.5,
                valid_s=2 * self.period_s,
                experiment=None,
            )
            for shard in self.envoy_shards.values()
        ]

    def status(self, caller: Caller, experiment: ExperimentName) -> Status:
        self._came("status", caller)
        return self._owned(caller, experiment).status

    def experiments(self, caller: Caller) -> Sequence[ExperimentSummary]:
        self._came("experiments", caller)
        views = [view_of(name, run) for name, run in self.runs.items() if run.owner == caller.name]
        return [
            ExperimentSummary(
                name=view.name,
                status=view.status,
                progress=view.progress,
                collaborators=len(view.collaborators),
                tasks=len(view.tasks),
            )
            for view in views
        ]

    def describe(self, caller: Caller, experiment: ExperimentName) -> ExperimentView:
        self._came("describe", caller)
        return view_of(experiment, self._owned(caller, experiment))

    async def trained_model(
        self, caller: Caller, experiment: ExperimentName, kind: ModelKind
    ) -> Model:
        del kind
        self._came("trained_model", caller)
        return self._owned(caller, experiment).model

    async def metrics(self, caller: Caller, experiment: ExperimentName) -> AsyncIterator[Metric]:
        self._came("metrics", caller)
        run, seen = self._owned(caller, experiment), 0
        while run.status is Status.IN_PROGRESS or seen < len(run.metrics):
            for metric in run.metrics[seen:]:
                seen += 1
                yield metric
            self._came("metrics-in-between", caller)
            await asyncio.sleep(0.1)

    async def remove(self, caller: Caller, experiment: ExperimentName) -> bool:
        self._came("remove", caller)
        if experiment not in self.runs or self.runs[experiment].owner != caller.name:
            return False
        del self.runs[experiment]
        return True

    # ------------------------------------------------------------ collaborators

    def tasks(self, caller: Caller, address: RunAddress) -> Assignment:
        self._came("tasks", caller)
        run = self._federation(address)
        if run is None or run.status is not Status.IN_PROGRESS:
            return Quit()
        left = tuple(t for t in run.tasks if address.sender not in run.results.get(t.name, {}))
        return (
            Work(round=run.round, tasks=left)
            if left
            else Idle(round=run.round, sleep_s=self.idle_s)
        )

    def aggregated_tensor(
        self, caller: Caller, address: RunAddress, request: TensorRequest
    ) -> EncodedTensor:
        self._came("aggregated_tensor", caller)
        run = self._federation(address)
        assert run is not None
        values = run.model[request.name]
        return EncodedTensor(
            name=request.name,
            round_number=request.round,
            tags=("compressed", "model"),
            transformers=(Transformer(int_list=values.shape),),
            content=values.tobytes(),
        )

    def expects_results(self, caller: Caller, address: RunAddress) -> bool:
        del caller
        return self._federation(address) is not None

    async def report_results(self, caller: Caller, address: RunAddress, result: TaskResult) -> None:
        self._came("report_results", caller)
        run = self._federation(address)
        if run is None or result.round != run.round:
            return
        run.results.setdefault(result.task, {})[result.collaborator] = result
        run.metrics += [
            Metric(
                origin=result.collaborator,
                task=result.task,
                name=tensor.name,
                value=float(array_of(tensor)),
                round=result.round,
            )
            for tensor in result.tensors
            if tensor.report
        ]
        if all(len(run.results.get(t.name, {})) == len(run.collaborators) for t in run.tasks):
            close_round(run)

    # ------------------------------------------------------------ finding

    def _run(self, experiment: str) -> Run:
        if experiment not in self.runs:
            raise UnknownExperimentError(experiment)
        return self.runs[experiment]

    def _owned(self, caller: Caller, experiment: str) -> Run:
        run = self._run(experiment)
        if run.owner != caller.name:
            raise UnknownExperimentError(experiment)
        return run

    def _federation(self, address: RunAddress) -> Run | None:
        return next((r for r in self.runs.values() if r.federation == address.federation), None)
