"""Who a caller is, over mutual TLS and in plaintext; and who never gets as far as being asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from director.core.model import Caller
from director.errors import UnauthenticatedError
from protos import aggregator_pb2, director_pb2
from simulator.world import BadCertificate
from tests.director.transport.served import Served, aggregator_stub, director_stub, served

pytestmark = pytest.mark.wire

METHODS: dict[str, object] = {
    "UpdateShardInfo": director_pb2.UpdateShardInfoRequest(),
    "UpdateEnvoyStatus": director_pb2.UpdateEnvoyStatusRequest(),
    "WaitExperiment": director_pb2.WaitExperimentRequest(),
    "GetExperimentData": director_pb2.GetExperimentDataRequest(),
    "SetExperimentFailed": director_pb2.SetExperimentFailedRequest(),
    "SetNewExperiment": [director_pb2.ExperimentInfo()],
    "GetExperimentStatus": director_pb2.GetExperimentStatusRequest(),
    "GetExperimentDescription": director_pb2.GetExperimentDescriptionRequest(),
    "GetExperimentsList": director_pb2.GetExperimentsListRequest(),
    "GetDatasetInfo": director_pb2.GetDatasetInfoRequest(),
    "GetTrainedModel": director_pb2.GetTrainedModelRequest(),
    "GetMetricStream": director_pb2.GetMetricStreamRequest(),
    "RemoveExperimentData": director_pb2.RemoveExperimentRequest(),
    "GetEnvoys": director_pb2.GetEnvoysRequest(),
}


async def code_of(stub: Any, method: str) -> grpc.StatusCode:
    """Call one RPC, whatever its kind, and return how it ended."""
    request = METHODS[method]
    call = getattr(stub, method)(iter(request) if isinstance(request, list) else request)
    try:
        if hasattr(call, "__aiter__") and not hasattr(call, "__await__"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@asynccontextmanager
async def bad_channel(it: Served, kind: BadCertificate) -> AsyncIterator[grpc.aio.Channel]:
    shown = it.pki.bad(kind, "alice")
    if shown is None:
        async with grpc.aio.insecure_channel(f"localhost:{it.server.port}") as channel:
            yield channel
    else:
        async with it.channel(credentials=shown) as channel:
            yield channel


# ---------------------------------------------------------------- plaintext


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ((), "__default__"),
        ((("client_id", "alice"),), "alice"),
        ((("client_id", ""),), "__default__"),
        ((("other", "alice"),), "__default__"),
    ],
)
async def test_a_plaintext_caller_is_whom_it_says_it_is(
    metadata: tuple[tuple[str, str], ...], name: str
) -> None:
    async with served() as it, it.director_stub() as stub:
        await stub.GetExperimentsList(director_pb2.GetExperimentsListRequest(), metadata=metadata)

        caller = it.fake.last.caller
        assert caller is not None
        assert (caller.name, caller.is_authenticated) == (name, False)


# ---------------------------------------------------------------- mutual TLS


async def test_a_tls_caller_is_its_certificate_whatever_it_says() -> None:
    async with served(tls=True) as it, it.director_stub("alice") as stub:
        await stub.GetExperimentsList(
            director_pb2.GetExperimentsListRequest(), metadata=(("client_id", "bob"),)
        )

        caller = it.fake.last.caller
        assert caller is not None
        assert caller == Caller(name="alice", is_authenticated=True, connection=caller.connection)


async def test_get_caller_returns_the_name_alone() -> None:
    names: list[str] = []

    class Context:
        """What the two paths of `get_caller` look at."""

        def __init__(self, common_name: bytes) -> None:
            self._common_name = common_name

        def auth_context(self) -> dict[str, list[bytes]]:
            return {"x509_common_name": [self._common_name]}

        def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
            return (("client_id", "bob"),)

    for tls in (True, False):
        async with served(tls=tls) as it:
            context: Any = Context(b"alice")
            names.append(it.server.get_caller(context))
            if tls:
                nameless: Any = Context(b"")
                with pytest.raises(UnauthenticatedError):
                    it.server.get_caller(nameless)

    assert names == ["alice", "bob"]


async def test_a_certificate_without_a_common_name_is_refused_by_every_method() -> None:
    async with (
        served(tls=True) as it,
        bad_channel(it, BadCertificate.NO_COMMON_NAME) as channel,
    ):
        stub = director_stub(channel)
        codes = {method: await code_of(stub, method) for method in METHODS}
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await aggregator_stub(channel).GetTasks(aggregator_pb2.GetTasksRequest())

        assert codes == dict.fromkeys(METHODS, grpc.StatusCode.UNAUTHENTICATED)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert it.fake.asked == []


@pytest.mark.parametrize(
    "kind", [kind for kind in BadCertificate if kind is not BadCertificate.NO_COMMON_NAME]
)
async def test_a_bad_certificate_never_reaches_a_method_and_good_clients_are_served(
    kind: BadCertificate,
) -> None:
    async with served(tls=True) as it, bad_channel(it, kind) as channel:
        stub = director_stub(channel)
        codes = {method: await code_of(stub, method) for method in METHODS}
        reached = list(it.fake.asked)
        async with it.director_stub("bob") as good:
            await good.GetEnvoys(director_pb2.GetEnvoysRequest())

        assert codes == dict.fromkeys(METHODS, grpc.StatusCode.UNAVAILABLE)
        assert reached == []
        assert [asked.method for asked in it.fake.asked] == ["envoys"]


async def test_a_tls_client_cannot_speak_to_a_plaintext_server() -> None:
    async with served() as it:
        credentials = grpc.ssl_channel_credentials(it.pki.root_certificate)
        async with grpc.aio.secure_channel(f"localhost:{it.server.port}", credentials) as channel:
            assert await code_of(director_stub(channel), "GetEnvoys") is (
                grpc.StatusCode.UNAVAILABLE
            )


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_version_of_tls_is_not_spoken() -> None:
    async with served(tls=True) as it:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1

        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("localhost", it.server.port, ssl=context)


@pytest.mark.parametrize("tls", [False, True])
async def test_every_method_works_for_a_good_client(*, tls: bool) -> None:
    async with served(tls=tls) as it, it.director_stub("alice") as stub:
        codes = {
            method: await code_of(stub, method)
            for method in METHODS
            # The fake has no experiment to describe.
            if method != "GetExperimentDescription"
        }

        assert set(codes.values()) == {grpc.StatusCode.OK}
