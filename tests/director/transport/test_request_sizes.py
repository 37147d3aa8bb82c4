"""Requests that are longer than anybody needs, or would become much more than they are."""

import asyncio
from typing import Any

import grpc
import pytest

from director.director import Director
from director.errors import LimitExceededError
from director.settings import Limits, Settings
from director.transport.parts import check_parts
from protos import aggregator_pb2, base_pb2, director_pb2
from tests.director.transport.served import served

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
MIB = 2**20


async def refused(channel: grpc.aio.Channel, path: str, *messages: bytes) -> grpc.aio.AioRpcError:
    """What a request of any kind is answered with."""
    # A generic stream looks to the server like whatever the method takes.
    method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in method(iter(messages)):
            pass
    return caught.value


@pytest.mark.wire
@pytest.mark.parametrize(
    ("path", "size_bytes", "code"),
    [
        ("/openfl.director.Director/UpdateEnvoyStatus", MIB + 1, EXHAUSTED),
        ("/openfl.director.Director/UpdateShardInfo", MIB + 1, EXHAUSTED),
        ("/openfl.director.Director/GetExperimentData", MIB + 1, EXHAUSTED),
        ("/openfl.director.Director/SetExperimentFailed", 4 * MIB + 1, EXHAUSTED),
        ("/openfl.director.Director/GetEnvoys", 64 * MIB, EXHAUSTED),
        ("/openfl.aggregator.Aggregator/GetTasks", MIB + 1, UNAUTHENTICATED),
        ("/openfl.aggregator.Aggregator/GetAggregatedTensor", MIB + 1, UNAUTHENTICATED),
        ("/grpc.health.v1.Health/Check", MIB + 1, EXHAUSTED),
    ],
)
async def test_a_request_that_is_longer_than_its_kind_needs_is_not_even_decoded(
    path: str, size_bytes: int, code: grpc.StatusCode
) -> None:
    async with served() as it, it.channel() as channel:
        error = await refused(channel, path, bytes(size_bytes))

        assert error.code() == code
        assert f"{size_bytes} bytes" in (error.details() or "")
        assert it.fake.asked == []


@pytest.mark.wire
@pytest.mark.parametrize("size_bytes", [4 * MIB - 100, 4 * MIB, 32 * MIB])
async def test_a_report_of_a_failure_is_heard_however_long_it_is(size_bytes: int) -> None:
    report = director_pb2.SetExperimentFailedRequest(
        experiment_name="brain-mri",
        collaborator_name="env-1",
        error_code=3,
        error_description="é" * (size_bytes // 2) + " no memory",
    )
    async with served() as it, it.director_stub() as stub:
        await stub.SetExperimentFailed(report)

        failure: Any = it.fake.last.arguments[0]
        assert (failure.experiment, failure.collaborator, failure.code) == ("brain-mri", "env-1", 3)
        assert failure.description.endswith("é no memory")
        assert len(failure.description) <= 4 * MIB


@pytest.mark.wire
async def test_a_report_of_a_failure_that_is_long_elsewhere_is_refused() -> None:
    report = director_pb2.SetExperimentFailedRequest(experiment_name="x" * (4 * MIB))
    async with served() as it, it.director_stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SetExperimentFailed(report)

        assert caught.value.code() == EXHAUSTED
        assert it.fake.asked == []


@pytest.mark.wire
async def test_a_compressed_request_is_refused_before_it_is_inflated() -> None:
    async with served() as it, it.director_stub() as stub:
        request = director_pb2.GetExperimentStatusRequest(experiment_name="x" * 10_000)

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetExperimentStatus(request, compression=grpc.Compression.Gzip)

        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert it.fake.asked == []


@pytest.mark.wire
@pytest.mark.parametrize("devices", [4, 100_000])
async def test_more_devices_than_are_allowed_are_refused_as_they_come(devices: int) -> None:
    settings = Settings(limits=Limits(max_devices=3))
    report = director_pb2.CudaDeviceInfo()
    async with (
        served(director_cls=Director, settings=settings) as it,
        it.director_stub() as stub,
    ):
        shard = director_pb2.ShardInfo(
            node_info=director_pb2.NodeInfo(name="env-1", cuda_devices=[report] * devices),
            sample_shape=["1"],
            target_shape=["1"],
        )
        for request in (
            stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard)),
            stub.UpdateEnvoyStatus(
                director_pb2.UpdateEnvoyStatusRequest(name="env-1", cuda_devices=[report] * devices)
            ),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await request

            assert caught.value.code() == EXHAUSTED
            assert caught.value.details() == "a shard may have no more than 3 devices"


@pytest.mark.wire
async def test_a_shape_of_many_sizes_is_refused() -> None:
    async with served() as it, it.director_stub() as stub:
        shard = director_pb2.ShardInfo(sample_shape=["1"] * 1_025)

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard))

        assert caught.value.code() == EXHAUSTED
        assert it.fake.asked == []


@pytest.mark.wire
@pytest.mark.parametrize(
    "first",
    [
        director_pb2.ExperimentInfo(name="x").SerializeToString() + b"\x12\x00" * 300_000,
        b"\x22" + bytes([0xC0, 0xCF, 0x24]) + b"\x0a\x00" * 300_000,
    ],
    ids=["collaborators", "tensors"],
)
async def test_an_upload_that_would_become_much_more_than_it_is_is_refused(first: bytes) -> None:
    async with served() as it, it.channel() as channel:
        error = await refused(channel, "/openfl.director.Director/SetNewExperiment", first)

        assert error.code() == EXHAUSTED
        assert error.details() == "a message may have at most 262144 parts"
        assert it.fake.upload == []


@pytest.mark.wire
async def test_results_that_would_become_much_more_than_they_are_are_refused() -> None:
    results = aggregator_pb2.TaskResults(header=aggregator_pb2.MessageHeader(sender="env-1"))
    content = results.SerializeToString() + b"\x2a\x00" * 300_000
    piece = base_pb2.DataStream(size=len(content), npbytes=content).SerializeToString()
    async with served() as it, it.channel() as channel:
        error = await refused(channel, "/openfl.aggregator.Aggregator/SendLocalTaskResults", piece)

        assert error.code() == UNAUTHENTICATED
        assert it.fake.asked == []


# ---------------------------------------------------------------- parts


def model(tensors: int) -> base_pb2.ModelProto:
    return base_pb2.ModelProto(
        tensors=[
            base_pb2.NamedTensor(
                name="w",
                tags=["model", "trained"],
                transformer_metadata=[
                    base_pb2.MetadataProto(int_list=[3, 300], int_to_float={1: 0.5})
                ],
                data_bytes=bytes(40),
            )
        ]
        * tensors
    )


# A tensor, its name, two tags, bytes and metadata; of that three bytes of a list, and the list; an
# entry, its key and its value.
PARTS_OF_A_TENSOR = 13


@pytest.mark.parametrize("tensors", [1, 7])
async def test_parts_are_counted_wherever_they_are(tensors: int) -> None:
    raw = director_pb2.ExperimentInfo(model_proto=model(tensors)).SerializeToString()
    parts = 1 + tensors * PARTS_OF_A_TENSOR

    await check_parts(raw, director_pb2.ExperimentInfo.DESCRIPTOR, limit=parts)
    with pytest.raises(LimitExceededError):
        await check_parts(raw, director_pb2.ExperimentInfo.DESCRIPTOR, limit=parts - 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x08" * 50,
        b"\x2a\xff\xff\xff\xff\x0f" + bytes(50),
        b"\xff" * 50,
        b"\x2a\x30\x0a\x7f" + bytes(46),
        b"\x2b" * 20 + b"\x0d" * 30,
    ],
)
async def test_what_cannot_be_decoded_is_left_to_the_decoder(raw: bytes) -> None:
    await check_parts(raw, aggregator_pb2.TaskResults.DESCRIPTOR, limit=49)


async def test_others_have_their_turn_while_much_is_counted() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        other = group.create_task(others())
        await check_parts(b"\x2a\x00" * 50_000, aggregator_pb2.TaskResults.DESCRIPTOR, limit=50_000)
        other.cancel()

    assert turns >= 10
