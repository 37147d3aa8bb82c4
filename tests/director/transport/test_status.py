"""Every refusal has its code, and what is no refusal tells its client nothing."""

import logging
from urllib.parse import quote

import grpc
import pytest

from director.errors import (
    DirectorError,
    DuplicateExperimentError,
    ForbiddenError,
    InvalidArchiveError,
    InvalidNameError,
    InvalidShardError,
    InvalidUploadError,
    LimitExceededError,
    UnauthenticatedError,
    UnavailableError,
    UnknownEnvoyError,
    UnknownExperimentError,
    UnsupportedPlanError,
)
from director.transport.status import UNDECODABLE
from protos import director_pb2
from tests.director.transport.served import served

pytestmark = pytest.mark.wire


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (InvalidNameError("no"), grpc.StatusCode.INVALID_ARGUMENT),
        (InvalidShardError("no"), grpc.StatusCode.INVALID_ARGUMENT),
        (InvalidUploadError("no"), grpc.StatusCode.INVALID_ARGUMENT),
        (InvalidArchiveError("no"), grpc.StatusCode.INVALID_ARGUMENT),
        (UnsupportedPlanError("no"), grpc.StatusCode.INVALID_ARGUMENT),
        (UnknownEnvoyError("env-1"), grpc.StatusCode.NOT_FOUND),
        (UnknownExperimentError("x"), grpc.StatusCode.NOT_FOUND),
        (DuplicateExperimentError("x"), grpc.StatusCode.ALREADY_EXISTS),
        (ForbiddenError("eve", "env-1"), grpc.StatusCode.PERMISSION_DENIED),
        (UnauthenticatedError("who?"), grpc.StatusCode.UNAUTHENTICATED),
        (LimitExceededError("too many"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (UnavailableError("later"), grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_refusal_is_answered_with_its_code_and_its_text(
    refusal: DirectorError, code: grpc.StatusCode
) -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.refusal = refusal

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetExperimentStatus(director_pb2.GetExperimentStatusRequest())

        assert refused.value.code() == code
        assert refused.value.details() == str(refusal)


async def test_a_bug_is_logged_in_full_and_tells_its_client_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.refusal = FileNotFoundError(2, "No such file", "/srv/state/secret")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetExperimentStatus(director_pb2.GetExperimentStatusRequest())

        assert refused.value.code() == grpc.StatusCode.INTERNAL
        assert refused.value.details() == "the Director failed to answer; its log says why"
        (logged,) = (record for record in caplog.records if record.levelno == logging.ERROR)
        assert logged.exc_info is not None
        assert logged.exc_info[1] is it.fake.refusal


@pytest.mark.parametrize("method", ["GetExperimentData", "GetMetricStream"])
async def test_a_refused_stream_is_answered_like_any_other_request(method: str) -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.refusal = UnknownExperimentError("x")
        request = {
            "GetExperimentData": director_pb2.GetExperimentDataRequest(),
            "GetMetricStream": director_pb2.GetMetricStreamRequest(),
        }[method]

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in getattr(stub, method)(request):
                pass

        assert refused.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("character", ["x", "é", "😀", "%"])
async def test_an_over_long_name_does_not_come_back_whole(character: str) -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.refusal = UnknownEnvoyError(character * 2**20)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.WaitExperiment(director_pb2.WaitExperimentRequest())

        assert refused.value.code() == grpc.StatusCode.NOT_FOUND
        details = refused.value.details() or ""
        assert details.startswith(f"envoy '{character}{character}")
        assert len(details) < 1_100
        # As it travels: the header of an answer may have eight thousand bytes.
        assert len(quote(details, safe=" ")) < 4_100


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/openfl.director.Director/UpdateEnvoyStatus", grpc.StatusCode.INVALID_ARGUMENT),
        ("/openfl.director.Director/GetExperimentData", grpc.StatusCode.INVALID_ARGUMENT),
        ("/openfl.director.Director/SetNewExperiment", grpc.StatusCode.INVALID_ARGUMENT),
        ("/openfl.aggregator.Aggregator/GetTasks", grpc.StatusCode.UNAVAILABLE),
        ("/openfl.aggregator.Aggregator/SendLocalTaskResults", grpc.StatusCode.UNAVAILABLE),
        ("/grpc.health.v1.Health/Check", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_a_request_that_cannot_be_decoded_is_refused(
    path: str, code: grpc.StatusCode
) -> None:
    async with served() as it, it.channel() as channel:
        # A generic stream looks to the server like whatever the method takes.
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)
        call = method(iter([b"\xff\xff\xff"]))

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in call:
                pass

        assert refused.value.code() == code
        assert refused.value.details() == UNDECODABLE


async def test_an_unknown_model_is_refused_by_its_number() -> None:
    async with served() as it, it.director_stub() as stub:
        request = director_pb2.GetTrainedModelRequest()
        request.model_type = 7  # type: ignore[assignment] # an open enum takes any number

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetTrainedModel(request)

        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "7" in (refused.value.details() or "")
        assert it.fake.asked == []


async def test_an_unknown_method_is_unimplemented() -> None:
    async with served() as it, it.channel() as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/openfl.director.Director/Nonsense"
        )

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(b"")

        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("length", [257, 2**16])
async def test_an_over_long_name_of_a_caller_is_refused(length: int) -> None:
    async with served() as it, it.director_stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetEnvoys(
                director_pb2.GetEnvoysRequest(), metadata=(("client_id", "x" * length),)
            )

        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
