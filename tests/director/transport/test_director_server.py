"""Each of the 14 RPCs over a real socket: what reaches the Director, and what comes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from director.core.lifecycle import Status
from director.core.model import (
    Caller,
    Device,
    EnvoyName,
    ExperimentName,
    Failure,
    Metric,
    ModelKind,
    Shard,
    Task,
)
from director.core.queries import (
    CollaboratorView,
    EnvoyView,
    ExperimentSummary,
    ExperimentView,
)
from protos import base_pb2, director_pb2
from tests.director.transport.fake_director import float32
from tests.director.transport.served import served

pytestmark = pytest.mark.wire

DEVICE = Device(
    index=1,
    memory_total=2**40,
    memory_utilized=7,
    device_utilization="55%",
    cuda_driver_version="535.1",
    cuda_version="12.2",
    name="A100",
)
SHARD = Shard(
    envoy=EnvoyName("env-1"),
    description="chest x-rays",
    n_samples=2**40,
    sample_shape=("64", "64"),
    target_shape=("1",),
    devices=(DEVICE, Device(index=2)),
)


def device_message() -> director_pb2.CudaDeviceInfo:
    return director_pb2.CudaDeviceInfo(
        index=1,
        memory_total=2**40,
        memory_utilized=7,
        device_utilization="55%",
        cuda_driver_version="535.1",
        cuda_version="12.2",
        name="A100",
    )


def shard_message() -> director_pb2.ShardInfo:
    devices = [device_message(), director_pb2.CudaDeviceInfo(index=2)]
    return director_pb2.ShardInfo(
        node_info=director_pb2.NodeInfo(name="env-1", cuda_devices=devices),
        shard_description="chest x-rays",
        n_samples=2**40,
        sample_shape=["64", "64"],
        target_shape=["1"],
    )


def experiment_view(reason: str = "") -> ExperimentView:
    return ExperimentView(
        name=ExperimentName("brain-mri"),
        status=Status.IN_PROGRESS,
        reason=reason,
        progress=0.25,
        total_rounds=4,
        current_round=1,
        collaborators=(
            CollaboratorView(
                name=EnvoyName("env-1"),
                status="in_progress",
                progress=0.5,
                round=1,
                current_task="train",
                next_task="validate",
            ),
        ),
        tasks=(
            Task(name="train", function_name="fit", task_type="train"),
            Task(name="tune", function_name="check", task_type="validate", apply_local=True),
        ),
        has_best_model=False,
        has_last_model=True,
    )


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_shard_is_registered_with_all_that_its_envoy_says(*, accepted: bool) -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.accepts = accepted

        response = await stub.UpdateShardInfo(
            director_pb2.UpdateShardInfoRequest(shard_info=shard_message())
        )

        assert response.accepted is accepted
        assert it.fake.last.arguments == (SHARD,)


async def test_a_heartbeat_is_answered_with_the_period_until_the_next() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.period_s = 30.5

        response = await stub.UpdateEnvoyStatus(
            director_pb2.UpdateEnvoyStatusRequest(
                name="env-1", is_experiment_running=True, cuda_devices=[device_message()]
            )
        )

        assert it.fake.last.arguments == ("env-1", True, (DEVICE,))
        assert response.health_check_period.seconds == 30
        assert response.health_check_period.nanos == 500_000_000


@pytest.mark.parametrize(("delivered", "answered"), [("brain-mri", "brain-mri"), (None, "")])
async def test_a_long_poll_is_answered_with_a_name_or_told_to_ask_again(
    delivered: str | None, answered: str
) -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.delivers = delivered

        response = await stub.WaitExperiment(
            director_pb2.WaitExperimentRequest(collaborator_name="env-1")
        )

        assert response.experiment_name == answered
        assert it.fake.last.arguments == ("env-1",)


async def test_a_long_poll_that_its_client_gives_up_is_given_up_by_the_director() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.holds = True
        call = stub.WaitExperiment(director_pb2.WaitExperimentRequest())
        waiting = asyncio.ensure_future(call)
        await it.fake.until("asked wait_experiment")

        call.cancel()

        await it.fake.until("cancelled wait_experiment")
        assert waiting.cancelled()


async def test_an_archive_comes_in_chunks_that_tell_their_size() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.chunks = [b"a" * (2 * 2**20), b"the rest"]

        request = director_pb2.GetExperimentDataRequest(
            experiment_name="brain-mri", collaborator_name="env-1"
        )
        received = [message async for message in stub.GetExperimentData(request)]

        assert it.fake.last.arguments == ("brain-mri", "env-1")
        assert [message.npbytes for message in received] == it.fake.chunks
        assert [message.size for message in received] == [2 * 2**20, 8]


async def test_an_archive_whose_experiment_is_over_is_an_empty_stream() -> None:
    async with served() as it, it.director_stub() as stub:
        call = stub.GetExperimentData(director_pb2.GetExperimentDataRequest())

        assert [message async for message in call] == []


async def test_a_failure_is_reported_with_its_code_and_description() -> None:
    async with served() as it, it.director_stub() as stub:
        await stub.SetExperimentFailed(
            director_pb2.SetExperimentFailedRequest(
                experiment_name="brain-mri",
                collaborator_name="env-1",
                error_code=7,
                error_description="out of memory",
            )
        )

        (failure,) = it.fake.last.arguments
        assert failure == Failure(
            experiment=ExperimentName("brain-mri"),
            collaborator=EnvoyName("env-1"),
            code=7,
            description="out of memory",
        )


async def test_a_status_is_answered_with_its_word() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.experiment_status = Status.IN_PROGRESS

        response = await stub.GetExperimentStatus(
            director_pb2.GetExperimentStatusRequest(experiment_name="brain-mri")
        )

        assert response.experiment_status == "in_progress"
        assert it.fake.last.arguments == ("brain-mri",)


async def test_an_experiment_is_described_in_full() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.views = [experiment_view(reason="env-1 ran out of memory")]

        response = await stub.GetExperimentDescription(
            director_pb2.GetExperimentDescriptionRequest(name="brain-mri")
        )

        assert it.fake.last.arguments == ("brain-mri",)
        assert response.experiment == base_pb2.ExperimentDescription(
            name="brain-mri",
            status="in_progress",
            progress=0.25,
            total_rounds=4,
            current_round=1,
            download_statuses=base_pb2.DownloadStatuses(
                models=[
                    base_pb2.DownloadStatus(name="best", status="pending"),
                    base_pb2.DownloadStatus(name="last", status="ready"),
                ],
                logs=[base_pb2.DownloadStatus(name="reason", status="env-1 ran out of memory")],
            ),
            collaborators=[
                base_pb2.CollaboratorDescription(
                    name="env-1",
                    status="in_progress",
                    progress=0.5,
                    round=1,
                    current_task="train",
                    next_task="validate",
                )
            ],
            tasks=[
                base_pb2.TaskDescription(name="train", description="train: calls fit"),
                base_pb2.TaskDescription(
                    name="tune",
                    description="validate: calls check, on the collaborator's own model",
                ),
            ],
        )


async def test_what_an_ended_experiment_has_not_trained_is_not_pending() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.views = [replace(experiment_view(reason="below the quorum"), status=Status.FAILED)]

        response = await stub.GetExperimentDescription(
            director_pb2.GetExperimentDescriptionRequest(name="brain-mri")
        )

        models = response.experiment.download_statuses.models
        assert [(model.name, model.status) for model in models] == [
            ("best", "none"),
            ("last", "ready"),
        ]


async def test_what_an_experiment_waits_for_is_told_among_its_logs() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.views = [replace(experiment_view(), lacking="nothing is heard of env-1")]

        response = await stub.GetExperimentDescription(
            director_pb2.GetExperimentDescriptionRequest(name="brain-mri")
        )

        (log,) = response.experiment.download_statuses.logs
        assert (log.name, log.status) == ("waiting", "nothing is heard of env-1")


async def test_an_experiment_without_a_reason_has_no_log_of_one() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.views = [experiment_view()]

        response = await stub.GetExperimentDescription(
            director_pb2.GetExperimentDescriptionRequest(name="brain-mri")
        )

        assert not response.experiment.download_statuses.logs


async def test_experiments_are_listed_with_amounts() -> None:
    async with served() as it, it.director_stub() as stub:
        summary = ExperimentSummary(
            name=ExperimentName("brain-mri"),
            status=Status.IN_PROGRESS,
            progress=0.25,
            collaborators=1,
            tasks=2,
        )
        it.fake.summaries = [summary, summary]

        response = await stub.GetExperimentsList(director_pb2.GetExperimentsListRequest())

        item = director_pb2.ExperimentListItem(
            name="brain-mri",
            status="in_progress",
            collaborators_amount=1,
            tasks_amount=2,
            progress=0.25,
        )
        assert list(response.experiments) == [item, item]


async def test_the_dataset_is_its_shapes_and_nothing_else() -> None:
    async with (
        served(sample_shape=["64", "64"], target_shape=[1]) as it,
        it.director_stub() as stub,
    ):
        response = await stub.GetDatasetInfo(director_pb2.GetDatasetInfoRequest())

        assert response.shard_info == director_pb2.ShardInfo(
            sample_shape=["64", "64"], target_shape=["1"]
        )


@pytest.mark.parametrize(("number", "kind"), [(0, ModelKind.BEST), (1, ModelKind.LAST)])
async def test_a_model_comes_as_float32_tensors_in_their_order(
    number: director_pb2.GetTrainedModelRequest.ModelType.ValueType, kind: ModelKind
) -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.model = {
            "weights": float32(1.5, -2.5, 3.0, 4.0).reshape(2, 2),
            "bias": np.array(0.5, dtype=np.float32),
        }

        response = await stub.GetTrainedModel(
            director_pb2.GetTrainedModelRequest(experiment_name="brain-mri", model_type=number)
        )

        assert it.fake.last.arguments == ("brain-mri", kind)
        assert list(response.model_proto.tensors) == [
            base_pb2.NamedTensor(
                name="weights",
                lossless=True,
                tags=["model"],
                transformer_metadata=[base_pb2.MetadataProto(int_list=[2, 2])],
                data_bytes=bytes.fromhex("0000c03f 000020c0 00004040 00008040"),
            ),
            base_pb2.NamedTensor(
                name="bias",
                lossless=True,
                tags=["model"],
                transformer_metadata=[base_pb2.MetadataProto()],
                data_bytes=bytes.fromhex("0000003f"),
            ),
        ]


async def test_a_model_before_the_first_round_is_there_and_empty() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.model = {}

        response = await stub.GetTrainedModel(director_pb2.GetTrainedModelRequest())

        assert response.HasField("model_proto")
        assert not response.model_proto.tensors


async def test_metrics_are_streamed_in_order() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.measured = [
            Metric(origin="env-1", task="train", name="loss", value=0.5, round=3),
            Metric(origin="aggregator", task="train", name="loss", value=0.25, round=3),
        ]

        request = director_pb2.GetMetricStreamRequest(experiment_name="brain-mri")
        received = [message async for message in stub.GetMetricStream(request)]

        assert it.fake.last.arguments == ("brain-mri",)
        assert received == [
            director_pb2.GetMetricStreamResponse(
                metric_origin=origin,
                task_name="train",
                metric_name="loss",
                metric_value=value,
                round=3,
            )
            for origin, value in (("env-1", 0.5), ("aggregator", 0.25))
        ]


async def test_a_follower_who_leaves_ends_its_stream_on_the_director() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.holds = True
        it.fake.measured = [Metric(origin="env-1", task="train", name="loss", value=0.5, round=3)]
        call = stub.GetMetricStream(director_pb2.GetMetricStreamRequest())
        await call.read()

        call.cancel()

        await it.fake.until("cancelled metrics")


@pytest.mark.parametrize("removed", [True, False])
async def test_a_removal_is_acknowledged_where_there_was_something(*, removed: bool) -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.removes = removed

        response = await stub.RemoveExperimentData(
            director_pb2.RemoveExperimentRequest(experiment_name="brain-mri")
        )

        assert response.acknowledgement is removed
        assert it.fake.last.arguments == ("brain-mri",)


async def test_envoys_are_listed_with_their_shards_and_presence() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.envoy_views = [
            EnvoyView(
                shard=SHARD,
                is_online=True,
                is_experiment_running=True,
                seen_at=1_700_000_000.25,
                valid_s=120.0,
                experiment=ExperimentName("brain-mri"),
            )
        ]

        response = await stub.GetEnvoys(director_pb2.GetEnvoysRequest())

        (info,) = response.envoy_infos
        assert info.shard_info == shard_message()
        assert (info.is_online, info.is_experiment_running) == (True, True)
        assert (info.last_updated.seconds, info.last_updated.nanos) == (1_700_000_000, 250_000_000)
        assert (info.valid_duration.seconds, info.valid_duration.nanos) == (120, 0)
        assert info.experiment_name == "brain-mri"


async def test_a_caller_is_known_by_its_name_and_its_connection() -> None:
    async with served() as it, it.director_stub() as one, it.director_stub() as other:
        request = director_pb2.GetExperimentStatusRequest()
        for stub, name in ((one, "alice"), (one, "alice"), (other, "bob")):
            await stub.GetExperimentStatus(request, metadata=(("client_id", name),))

        callers = [asked.caller for asked in it.fake.asked if asked.method == "status"]
        first, again, third = callers
        assert first is not None
        assert third is not None
        assert (
            first
            == again
            == Caller(name="alice", is_authenticated=False, connection=first.connection)
        )
        assert third.name == "bob"
        assert third.connection != first.connection
