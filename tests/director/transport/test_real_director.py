"""The Director that we ship, over real sockets: a federation's life, and what it refuses."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest

from director.director import Director
from director.settings import Limits, Settings
from director.workspace import federation_id
from protos import aggregator_pb2, base_pb2, director_pb2
from tests.director.house import ARCHIVE, plan_of
from tests.director.transport.served import Served, aggregator_stub, director_stub, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

    from numpy.typing import NDArray

    from protos.aggregator_pb2_grpc import AggregatorAsyncStub
    from protos.director_pb2_grpc import DirectorAsyncStub

pytestmark = pytest.mark.wire

ROUNDS = 3
WEIGHTS = np.array([1.0, 2.0], np.float32)

real = partial(served, director_cls=Director)


def tensor(
    name: str, values: NDArray[np.float32], *tags: str, report: bool = False
) -> base_pb2.NamedTensor:
    return base_pb2.NamedTensor(
        name=name,
        lossless=True,
        report=report,
        tags=tags,
        transformer_metadata=[base_pb2.MetadataProto(int_list=values.shape)],
        data_bytes=values.astype("<f4").tobytes(),
    )


def upload(
    archive: bytes = ARCHIVE,
    *,
    name: str = "brain-mri",
    to: tuple[str, ...] = ("env-1", "env-2"),
    chunk_bytes: int = 1_000,
) -> Iterator[director_pb2.ExperimentInfo]:
    for start in range(0, len(archive), chunk_bytes):
        chunk = archive[start : start + chunk_bytes]
        yield director_pb2.ExperimentInfo(
            name=name,
            collaborator_names=to,
            experiment_data=director_pb2.ExperimentData(size=len(chunk), npbytes=chunk),
            model_proto=base_pb2.ModelProto(tensors=[tensor("weights", WEIGHTS, "model")]),
        )


@dataclass(frozen=True)
class Peer:
    """An envoy or a user, with a connection of its own."""

    name: str
    director: DirectorAsyncStub
    aggregator: AggregatorAsyncStub

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("client_id", self.name),)

    async def register(self) -> bool:
        shard = director_pb2.ShardInfo(
            node_info=director_pb2.NodeInfo(name=self.name), sample_shape=["1"], target_shape=["1"]
        )
        response = await self.director.UpdateShardInfo(
            director_pb2.UpdateShardInfoRequest(shard_info=shard)
        )
        return response.accepted

    async def wait(self) -> str:
        response = await self.director.WaitExperiment(
            director_pb2.WaitExperimentRequest(collaborator_name=self.name)
        )
        return response.experiment_name

    async def download(self, experiment: str = "brain-mri") -> bytes:
        request = director_pb2.GetExperimentDataRequest(
            experiment_name=experiment, collaborator_name=self.name
        )
        stream = self.director.GetExperimentData(request)
        return b"".join([chunk.npbytes async for chunk in stream])

    async def collaborate(self, federation: str) -> None:
        """Do all there is to do until told to quit: add one to each weight in each round."""
        header = aggregator_pb2.MessageHeader(
            sender=self.name, receiver=f"aggregator_{federation}", federation_uuid=federation
        )
        while True:
            told = await self.aggregator.GetTasks(aggregator_pb2.GetTasksRequest(header=header))
            assert told.header.receiver == self.name
            if told.quit:
                return
            for task in told.tasks:
                await self._do(task, told.round_number, header)
            await asyncio.sleep(told.sleep_time and 0.01)

    async def _do(
        self, task: aggregator_pb2.Task, number: int, header: aggregator_pb2.MessageHeader
    ) -> None:
        got = await self.aggregator.GetAggregatedTensor(
            aggregator_pb2.GetAggregatedTensorRequest(
                header=header,
                tensor_name="weights",
                round_number=number,
                tags=["model"],
                require_lossless=True,
            )
        )
        weights = np.frombuffer(got.tensor.data_bytes, "<f4") + np.float32(1)
        score = np.array([weights.mean()], np.float32)
        tensors = [tensor("score", score, "metric", "validate_agg", report=True)]
        if task.task_type == "train":
            tensors.append(tensor("weights", weights, "trained"))
        content = aggregator_pb2.TaskResults(
            header=header, round_number=number, task_name=task.name, data_size=10, tensors=tensors
        ).SerializeToString()
        await self.aggregator.SendLocalTaskResults(
            base_pb2.DataStream(size=len(piece), npbytes=piece)
            for piece in (content[:50], content[50:])
        )

    async def model(self, kind: director_pb2.GetTrainedModelRequest.ModelType.ValueType) -> bytes:
        response = await self.director.GetTrainedModel(
            director_pb2.GetTrainedModelRequest(experiment_name="brain-mri", model_type=kind),
            metadata=self.metadata,
        )
        (weights,) = response.model_proto.tensors
        return weights.data_bytes


@asynccontextmanager
async def peer(it: Served, name: str) -> AsyncIterator[Peer]:
    async with it.channel(name) as channel:
        yield Peer(name, director_stub(channel), aggregator_stub(channel))


async def refusal_of(call: Awaitable[object]) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    # Neither a Python exception nor a path of the server ever shows.
    assert not re.search(r"Error|Exception|/work|/tmp", refused.value.details() or "")
    return refused.value.code()


@pytest.mark.parametrize("tls", [False, True])
async def test_a_federation_trains_from_registration_to_the_last_model(*, tls: bool) -> None:
    async with (
        real(tls=tls) as it,
        peer(it, "env-1") as one,
        peer(it, "env-2") as two,
        peer(it, "alice") as alice,
    ):
        envoys = (one, two)
        for envoy in envoys:
            assert await envoy.register()
        waits = [asyncio.ensure_future(envoy.wait()) for envoy in envoys]

        submitted = await alice.director.SetNewExperiment(upload(), metadata=alice.metadata)
        stream = alice.director.GetMetricStream(
            director_pb2.GetMetricStreamRequest(experiment_name="brain-mri"),
            metadata=alice.metadata,
        )
        assert submitted.accepted
        assert await asyncio.gather(*waits) == ["brain-mri", "brain-mri"]
        archives = [await envoy.download() for envoy in envoys]
        federation = federation_id(plan_of(archives[0]))
        await asyncio.gather(*(envoy.collaborate(federation) for envoy in envoys))
        metrics = [(metric.round, metric.metric_origin) async for metric in stream]

        with zipfile.ZipFile(io.BytesIO(archives[0])) as archive:
            assert archive.read("code.py") == b"print('hello')" * 100
        assert archives[0] == archives[1]
        # Three tasks in each round, of each collaborator and then of both together.
        assert sorted(metrics) == sorted(
            (number, origin)
            for number in range(ROUNDS)
            for origin in ("env-1", "env-2", "aggregator") * 3
        )
        kinds = director_pb2.GetTrainedModelRequest
        assert await alice.model(kinds.LAST_MODEL) == (WEIGHTS + ROUNDS).astype("<f4").tobytes()
        assert await alice.model(kinds.BEST_MODEL) == (WEIGHTS + 2).astype("<f4").tobytes()
        described = await alice.director.GetExperimentDescription(
            director_pb2.GetExperimentDescriptionRequest(name="brain-mri"), metadata=alice.metadata
        )
        assert described.experiment.status == "finished"
        assert described.experiment.progress == 1
        assert {item.status for item in described.experiment.download_statuses.models} == {"ready"}
        listed = await alice.director.GetExperimentsList(
            director_pb2.GetExperimentsListRequest(), metadata=alice.metadata
        )
        assert [
            (item.name, item.collaborators_amount, item.tasks_amount)
            for item in (listed.experiments)
        ] == [("brain-mri", 2, 3)]
        removed = await alice.director.RemoveExperimentData(
            director_pb2.RemoveExperimentRequest(experiment_name="brain-mri"),
            metadata=alice.metadata,
        )
        assert removed.acknowledgement
        assert await one.download() == b""


async def test_under_tls_an_envoy_acts_under_its_own_name_alone() -> None:
    async with real(tls=True) as it, peer(it, "env-1") as one, peer(it, "eve") as eve:
        assert await one.register()
        as_one = Peer("env-1", eve.director, eve.aggregator)

        for attempt in (as_one.register(), as_one.wait(), as_one.download()):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await attempt
            assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        heartbeat = eve.director.UpdateEnvoyStatus(
            director_pb2.UpdateEnvoyStatusRequest(name="env-1"), metadata=one.metadata
        )
        assert await refusal_of(heartbeat) == grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("tls", [False, True])
async def test_strangers_and_the_unknown_get_the_same_answers(*, tls: bool) -> None:
    async with real(tls=tls) as it, peer(it, "alice") as alice, peer(it, "mallory") as mallory:
        await alice.director.SetNewExperiment(upload(), metadata=alice.metadata)
        stub, metadata = mallory.director, mallory.metadata

        for name in ("brain-mri", "never-was"):
            status = stub.GetExperimentStatus(
                director_pb2.GetExperimentStatusRequest(experiment_name=name), metadata=metadata
            )
            model = stub.GetTrainedModel(
                director_pb2.GetTrainedModelRequest(experiment_name=name), metadata=metadata
            )
            description = stub.GetExperimentDescription(
                director_pb2.GetExperimentDescriptionRequest(name=name), metadata=metadata
            )
            for call in (status, model, description):
                assert await refusal_of(call) == grpc.StatusCode.NOT_FOUND
            removed = await stub.RemoveExperimentData(
                director_pb2.RemoveExperimentRequest(experiment_name=name), metadata=metadata
            )
            assert not removed.acknowledgement


async def test_an_unknown_envoy_is_told_to_register() -> None:
    async with real() as it, peer(it, "env-1") as one:
        heartbeat = one.director.UpdateEnvoyStatus(
            director_pb2.UpdateEnvoyStatusRequest(name="env-1")
        )
        wait = one.director.WaitExperiment(
            director_pb2.WaitExperimentRequest(collaborator_name="env-1")
        )

        assert await refusal_of(heartbeat) == grpc.StatusCode.NOT_FOUND
        assert await refusal_of(wait) == grpc.StatusCode.NOT_FOUND


async def test_a_shard_of_another_shape_is_turned_away_and_not_listed() -> None:
    async with real(sample_shape=["64"]) as it, peer(it, "env-1") as one:
        assert not await one.register()

        listed = await one.director.GetEnvoys(director_pb2.GetEnvoysRequest())
        assert not listed.envoy_infos


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (list(upload(ARCHIVE[:-100])), grpc.StatusCode.INVALID_ARGUMENT),
        (list(upload(b"no archive")), grpc.StatusCode.INVALID_ARGUMENT),
        (list(upload(name="../x")), grpc.StatusCode.INVALID_ARGUMENT),
        (list(upload(to=())), grpc.StatusCode.INVALID_ARGUMENT),
        (list(upload(name="taken")), grpc.StatusCode.ALREADY_EXISTS),
        ([], grpc.StatusCode.INVALID_ARGUMENT),
    ],
    ids=["cut", "no archive", "a path for a name", "no collaborators", "a name in use", "empty"],
)
async def test_a_bad_upload_is_refused_and_leaves_nothing(
    messages: list[director_pb2.ExperimentInfo], code: grpc.StatusCode
) -> None:
    async with real() as it, peer(it, "alice") as alice:
        await alice.director.SetNewExperiment(upload(name="taken"), metadata=alice.metadata)

        assert await refusal_of(alice.director.SetNewExperiment(iter(messages))) == code

        listed = await alice.director.GetExperimentsList(director_pb2.GetExperimentsListRequest())
        assert not listed.experiments


async def test_a_limit_is_told_when_it_is_reached() -> None:
    settings = Settings(limits=Limits(max_waits_per_envoy=2, max_experiments_per_owner=1))
    async with real(settings=settings) as it, peer(it, "env-1") as one:
        await one.register()
        calls = [
            one.director.WaitExperiment(
                director_pb2.WaitExperimentRequest(collaborator_name="env-1")
            )
            for _ in range(3)
        ]
        # Only the third can be refused, for the first two hold what there is.
        refused, _ = await asyncio.wait(
            [asyncio.ensure_future(refusal_of(call)) for call in calls],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert [task.result() for task in refused] == [grpc.StatusCode.RESOURCE_EXHAUSTED]
        for call in calls:
            call.cancel()

        await one.director.SetNewExperiment(upload(name="one"))
        second = one.director.SetNewExperiment(upload(name="two"))
        assert await refusal_of(second) == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_collaborator_of_no_run_is_told_to_quit_or_to_stop() -> None:
    async with real() as it, peer(it, "env-1") as one:
        header = aggregator_pb2.MessageHeader(sender="env-1", federation_uuid="plan.yaml_none")

        tasks = await one.aggregator.GetTasks(aggregator_pb2.GetTasksRequest(header=header))
        tensors = one.aggregator.GetAggregatedTensor(
            aggregator_pb2.GetAggregatedTensorRequest(header=header, tensor_name="weights")
        )

        assert tasks.quit
        assert await refusal_of(tensors) == grpc.StatusCode.UNAUTHENTICATED


async def test_whatever_is_said_of_a_failure_the_answer_is_ok() -> None:
    async with real() as it, peer(it, "env-1") as one, peer(it, "alice") as alice:
        await alice.director.SetNewExperiment(upload(), metadata=alice.metadata)

        for experiment, name in (("never-was", "env-1"), ("brain-mri", "eve"), ("../x", "")):
            await one.director.SetExperimentFailed(
                director_pb2.SetExperimentFailedRequest(
                    experiment_name=experiment, collaborator_name=name
                )
            )
        before = await alice.director.GetExperimentStatus(
            director_pb2.GetExperimentStatusRequest(experiment_name="brain-mri"),
            metadata=alice.metadata,
        )
        await one.director.SetExperimentFailed(
            director_pb2.SetExperimentFailedRequest(
                experiment_name="brain-mri", collaborator_name="env-1", error_description="no disk"
            )
        )
        after = await alice.director.GetExperimentDescription(
            director_pb2.GetExperimentDescriptionRequest(name="brain-mri"),
            metadata=alice.metadata,
        )

        assert before.experiment_status == "in_progress"
        assert after.experiment.status == "failed"
        (reason,) = after.experiment.download_statuses.logs
        assert "env-1" in reason.status


@pytest.mark.slow
async def test_ten_thousand_envoys_may_wait_at_once_and_the_server_still_answers() -> None:
    async with real() as it, it.director_stub() as stub:
        names = [f"env-{number}" for number in range(10_000)]
        shards = [
            director_pb2.ShardInfo(
                node_info=director_pb2.NodeInfo(name=name), sample_shape=["1"], target_shape=["1"]
            )
            for name in names
        ]
        await asyncio.gather(
            *(
                stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard))
                for shard in shards
            )
        )
        waits = [
            stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name=name))
            for name in names
        ]

        await stub.SetNewExperiment(upload(to=tuple(names)))

        answers = await asyncio.gather(*waits)
        assert {answer.experiment_name for answer in answers} == {"brain-mri"}
