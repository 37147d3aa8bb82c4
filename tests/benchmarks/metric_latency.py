"""How long a metric takes from a collaborator to somebody who follows it, on any Director."""

import asyncio
import time
from typing import Any

import grpc
import grpc.aio
import numpy as np

from protos import aggregator_pb2, aggregator_pb2_grpc, base_pb2, director_pb2
from simulator.actors.archives import inspected
from simulator.actors.plan import ReadPlan
from simulator.actors.tensors import encoded
from tests.benchmarks.archives import model_of, upload_of
from tests.benchmarks.sides import Side, stub_of

_ENVOY = "measuring"
_EXPERIMENT = "metrics"
_METRIC = "loss"
_TRAIN = "train"


class _Following:
    """One follower, who notes when each metric came."""

    def __init__(self) -> None:
        self._news = asyncio.Condition()
        self._came_s: dict[tuple[str, int], float] = {}

    async def follow(self, side: Side) -> None:
        async with side.channel() as channel:
            request = director_pb2.GetMetricStreamRequest(experiment_name=_EXPERIMENT)
            async for metric in stub_of(channel).GetMetricStream(request):
                if metric.metric_origin != _ENVOY:
                    continue
                async with self._news:
                    self._came_s[metric.task_name, metric.round] = time.perf_counter()
                    self._news.notify_all()

    async def came_s(self, task: str, number: int) -> float:
        """Wait until a metric is there, and return when that was."""
        async with self._news:
            await self._news.wait_for(lambda: (task, number) in self._came_s)
        return self._came_s[task, number]


async def latencies_ms(side: Side, content: bytes) -> list[float]:
    """Run an experiment alone, and return the milliseconds that each of its metrics took."""
    following = _Following()
    async with side.channel() as channel:
        stub = stub_of(channel)
        shard = director_pb2.ShardInfo(
            node_info=director_pb2.NodeInfo(name=_ENVOY), sample_shape=["1"], target_shape=["1"]
        )
        await stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard))
        upload = upload_of(content, model_of(4096), name=_EXPERIMENT, collaborators=(_ENVOY,))
        await stub.SetNewExperiment(upload)
        await stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name=_ENVOY))
        request = director_pb2.GetExperimentDataRequest(
            experiment_name=_EXPERIMENT, collaborator_name=_ENVOY
        )
        archive = b"".join([chunk.npbytes async for chunk in stub.GetExperimentData(request)])
        plan = inspected(archive).plan
        assert plan is not None
        follower = asyncio.create_task(following.follow(side))
        try:
            return await _trained(plan, following)
        finally:
            follower.cancel()


async def _trained(plan: ReadPlan, following: _Following) -> list[float]:
    took_ms: list[float] = []
    header = aggregator_pb2.MessageHeader(
        sender=_ENVOY, receiver=plan.aggregator, federation_uuid=plan.federation
    )
    async with grpc.aio.insecure_channel(plan.address) as channel:
        stub: Any = aggregator_pb2_grpc.AggregatorStub(channel)
        while True:
            answer = await stub.GetTasks(
                aggregator_pb2.GetTasksRequest(header=header), wait_for_ready=True
            )
            if answer.quit:
                return took_ms
            for task in answer.tasks:
                result = _result(header, task.name, answer.round_number)
                piece = base_pb2.DataStream(size=len(result), npbytes=result)
                sent_s = time.perf_counter()
                await stub.SendLocalTaskResults(iter([piece]))
                came_s = await following.came_s(task.name, answer.round_number)
                took_ms.append(1_000 * (came_s - sent_s))


def _result(header: aggregator_pb2.MessageHeader, task: str, number: int) -> bytes:
    """Return what is sent for a task: a metric of its own, and after training a model."""
    value = np.array(number, dtype=np.float32)
    tensors = [
        encoded(
            f"{_METRIC}_{task}",
            value,
            tags=["compressed", "metric", task],
            round_number=number,
            report=True,
        )
    ]
    if task == _TRAIN:
        weights = np.zeros(1024, dtype=np.float32)
        tensors.append(
            encoded("weights", weights, tags=["compressed", "trained"], round_number=number)
        )
    results = aggregator_pb2.TaskResults(
        header=header, round_number=number, task_name=task, data_size=1, tensors=tensors
    )
    return results.SerializeToString()
