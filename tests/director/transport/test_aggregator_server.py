"""Each RPC of the aggregators over a real socket: what is asked, and what comes back."""

from collections.abc import Iterator

import grpc
import pytest

from director.core.model import (
    Assignment,
    EncodedTensor,
    EnvoyName,
    Idle,
    Metric,
    ModelKind,
    Quit,
    Task,
    TaskResult,
    TensorRequest,
    Transformer,
    Work,
)
from director.errors import (
    DirectorError,
    ForbiddenError,
    InvalidRequestError,
    InvalidUploadError,
    LimitExceededError,
    UnauthenticatedError,
    UnavailableError,
    UnknownExperimentError,
)
from director.interface import RunAddress
from protos import aggregator_pb2, base_pb2
from tests.director.transport.fake_director import float32
from tests.director.transport.served import served
from tests.director.transport.test_director_server import experiment_view

pytestmark = pytest.mark.wire

HEADER = aggregator_pb2.MessageHeader(
    sender="env-1",
    receiver="aggregator_plan.yaml_0badcafe",
    federation_uuid="plan.yaml_0badcafe",
    single_col_cert_common_name="single",
)
REPLY = aggregator_pb2.MessageHeader(
    sender="aggregator_plan.yaml_0badcafe",
    receiver="env-1",
    federation_uuid="plan.yaml_0badcafe",
    single_col_cert_common_name="single",
)
ADDRESS = RunAddress(
    sender=EnvoyName("env-1"),
    receiver="aggregator_plan.yaml_0badcafe",
    federation="plan.yaml_0badcafe",
)
TENSOR = EncodedTensor(
    name="w",
    round_number=3,
    lossless=True,
    report=True,
    tags=("compressed", "model"),
    transformers=(
        Transformer(int_to_float={1: 0.5, 2: -1.5}, int_list=(2, 2)),
        Transformer(bool_list=(True, False)),
    ),
    content=b"\x00\x01\x02\x03",
)
TENSOR_MESSAGE = base_pb2.NamedTensor(
    name="w",
    round_number=3,
    lossless=True,
    report=True,
    tags=["compressed", "model"],
    transformer_metadata=[
        base_pb2.MetadataProto(int_to_float={1: 0.5, 2: -1.5}, int_list=[2, 2]),
        base_pb2.MetadataProto(bool_list=[True, False]),
    ],
    data_bytes=b"\x00\x01\x02\x03",
)
RESULTS = aggregator_pb2.TaskResults(
    header=HEADER, round_number=3, task_name="train", data_size=600, tensors=[TENSOR_MESSAGE]
)


def pieces(content: bytes, size: int) -> Iterator[base_pb2.DataStream]:
    for start in range(0, len(content), size):
        piece = content[start : start + size]
        yield base_pb2.DataStream(size=len(piece), npbytes=piece)


@pytest.mark.parametrize(
    ("assignment", "answered"),
    [
        (
            Work(
                round=3,
                tasks=(
                    Task(name="train", function_name="fit", task_type="train"),
                    Task(name="tune", function_name="check", task_type="v", apply_local=True),
                ),
            ),
            aggregator_pb2.GetTasksResponse(
                header=REPLY,
                round_number=3,
                tasks=[
                    aggregator_pb2.Task(name="train", function_name="fit", task_type="train"),
                    aggregator_pb2.Task(
                        name="tune", function_name="check", task_type="v", apply_local=True
                    ),
                ],
            ),
        ),
        (
            Idle(round=3, sleep_s=2),
            aggregator_pb2.GetTasksResponse(header=REPLY, round_number=3, sleep_time=2),
        ),
        (Quit(round=4), aggregator_pb2.GetTasksResponse(header=REPLY, round_number=4, quit=True)),
    ],
    ids=["work", "idle", "quit"],
)
async def test_a_collaborator_is_told_to_work_to_sleep_or_to_quit(
    assignment: Assignment, answered: aggregator_pb2.GetTasksResponse
) -> None:
    async with served() as it, it.aggregator_stub() as stub:
        it.fake.assignment = assignment

        response = await stub.GetTasks(aggregator_pb2.GetTasksRequest(header=HEADER))

        assert response == answered
        assert it.fake.last.arguments == (ADDRESS,)


async def test_an_aggregated_tensor_is_sent_as_it_is_encoded() -> None:
    async with served() as it, it.aggregator_stub() as stub:
        it.fake.tensor = TENSOR

        response = await stub.GetAggregatedTensor(
            aggregator_pb2.GetAggregatedTensorRequest(
                header=HEADER,
                tensor_name="w",
                round_number=3,
                report=True,
                tags=["model"],
                require_lossless=True,
            )
        )

        assert response == aggregator_pb2.GetAggregatedTensorResponse(
            header=REPLY, round_number=3, tensor=TENSOR_MESSAGE
        )
        assert it.fake.last.arguments == (
            ADDRESS,
            TensorRequest(name="w", round=3, tags=("model",), report=True, require_lossless=True),
        )


@pytest.mark.parametrize("size", [1, 7, 2**21])
async def test_results_are_put_together_from_pieces_of_any_size(size: int) -> None:
    async with served() as it, it.aggregator_stub() as stub:
        response = await stub.SendLocalTaskResults(pieces(RESULTS.SerializeToString(), size))

        assert response.header == REPLY
        assert it.fake.last.arguments == (
            ADDRESS,
            TaskResult(
                collaborator=EnvoyName("env-1"),
                round=3,
                task="train",
                data_size=600,
                tensors=(TENSOR,),
            ),
        )


@pytest.mark.parametrize(
    "spoilt",
    [
        [base_pb2.DataStream(size=3, npbytes=b"four")],
        [base_pb2.DataStream(size=9, npbytes=b"\xff\xff garble")],
        [*pieces(RESULTS.SerializeToString()[:-1], 7)],
    ],
    ids=["a lie about the size", "garbled", "cut"],
)
async def test_results_spoilt_on_their_way_may_be_sent_again(
    spoilt: list[base_pb2.DataStream],
) -> None:
    async with served() as it, it.aggregator_stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SendLocalTaskResults(iter(spoilt))

        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert it.fake.asked == []


@pytest.mark.parametrize("left", [[], [base_pb2.DataStream()]], ids=["no piece", "an empty piece"])
async def test_results_of_which_nothing_is_left_are_to_be_sent_from_the_beginning(
    left: list[base_pb2.DataStream],
) -> None:
    async with served() as it, it.aggregator_stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SendLocalTaskResults(iter(left))

        # On UNAVAILABLE, OpenFL's collaborator would send nothing once more.
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert it.fake.asked == []


async def test_results_whose_sender_is_gone_are_not_taken_in() -> None:
    async with served() as it, it.aggregator_stub() as stub:
        # What was sent is a message of its own: only the sender knows that more was to come.
        call = stub.SendLocalTaskResults()
        await call.write(next(pieces(RESULTS.SerializeToString(), 2**21)))

        call.cancel()

    # The server has stopped, so nothing is under way any more.
    assert it.fake.asked == []


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (UnavailableError("no such tensor yet"), grpc.StatusCode.UNAVAILABLE),
        (InvalidUploadError("spoilt"), grpc.StatusCode.UNAVAILABLE),
        (UnauthenticatedError("no part"), grpc.StatusCode.UNAUTHENTICATED),
        (ForbiddenError("eve", "env-1"), grpc.StatusCode.UNAUTHENTICATED),
        (UnknownExperimentError("x"), grpc.StatusCode.UNAUTHENTICATED),
        (InvalidRequestError("nonsense"), grpc.StatusCode.UNAUTHENTICATED),
        (LimitExceededError("too large"), grpc.StatusCode.UNAUTHENTICATED),
        (DirectorError("of no kind"), grpc.StatusCode.UNAUTHENTICATED),
        (KeyError("a bug of ours"), grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_collaborator_is_only_ever_told_to_try_again_or_to_stop(
    refusal: Exception, code: grpc.StatusCode
) -> None:
    async with served() as it, it.aggregator_stub() as stub:
        it.fake.refusal = refusal

        for call in (
            stub.GetTasks(aggregator_pb2.GetTasksRequest(header=HEADER)),
            stub.GetAggregatedTensor(aggregator_pb2.GetAggregatedTensorRequest(header=HEADER)),
            stub.SendLocalTaskResults(pieces(RESULTS.SerializeToString(), 2**21)),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert refused.value.code() == code
            assert "a bug of ours" not in (refused.value.details() or "")


async def test_an_owner_reads_from_the_aggregator_what_the_director_tells_it() -> None:
    async with served() as it, it.aggregator_stub() as stub:
        it.fake.measured = [Metric(origin="env-1", task="train", name="loss", value=0.5, round=3)]
        it.fake.model = {"w": float32(1.0)}
        it.fake.views = [experiment_view()]

        stream = stub.GetMetricStream(aggregator_pb2.GetMetricStreamRequest(experiment_name="x"))
        metrics = [metric async for metric in stream]
        trained = await stub.GetTrainedModel(
            aggregator_pb2.GetTrainedModelRequest(
                experiment_name="x", model_type=aggregator_pb2.GetTrainedModelRequest.LAST_MODEL
            )
        )
        described = await stub.GetExperimentDescription(
            aggregator_pb2.GetExperimentDescriptionRequest(name="x")
        )

        assert [(asked.method, asked.arguments) for asked in it.fake.asked] == [
            ("metrics", ("x",)),
            ("trained_model", ("x", ModelKind.LAST)),
            ("describe", ("x",)),
        ]
        assert metrics == [
            aggregator_pb2.GetMetricStreamResponse(
                metric_origin="env-1",
                task_name="train",
                metric_name="loss",
                metric_value=0.5,
                round=3,
            )
        ]
        assert trained.model_proto.tensors[0].name == "w"
        assert described.experiment.current_round == 1


async def test_a_stranger_learns_from_the_aggregator_no_more_than_from_the_director() -> None:
    async with served() as it, it.aggregator_stub() as stub:
        it.fake.refusal = UnknownExperimentError("x")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetTrainedModel(aggregator_pb2.GetTrainedModelRequest(experiment_name="x"))

        assert refused.value.code() == grpc.StatusCode.NOT_FOUND
