"""What a server counts of what is asked of it, and how Prometheus gets to know."""

import asyncio
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from director.director import Director
from director.errors import UnknownExperimentError
from director.extras import MissingExtraError
from director.transport.listening import CannotListenError
from director.transport.metering import Handler, Meter
from director.transport.server import DirectorGRPCServer
from director.transport.status import Context
from protos import base_pb2, director_pb2
from tests.director.house import ARCHIVE
from tests.director.transport.fake_director import FakeDirector
from tests.director.transport.served import Served, served

pytestmark = pytest.mark.wire

Samples = dict[tuple[str, ...], float]


def metered(server: DirectorGRPCServer) -> None:
    server.metrics_port = 0


@asynccontextmanager
async def measured(**keywords: Any) -> AsyncIterator[Served]:
    async with served(prepare=metered, **keywords) as it:
        yield it


async def scraped(it: Served, accept: str = "text/plain") -> str:
    request = urllib.request.Request(
        f"http://localhost:{it.server.metrics_port}/metrics", headers={"Accept": accept}
    )

    def get() -> bytes:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - our own
            return bytes(response.read())

    return (await asyncio.to_thread(get)).decode()


async def samples(it: Served) -> Samples:
    """Return each value by its name and what tells it from others of that name."""
    found: Samples = {}
    for family in plain(await scraped(it)):
        for sample in family.samples:
            told = {
                key: value
                for key, value in sample.labels.items()
                if key not in {"grpc_service", "grpc_type"}
            }
            found[(sample.name, *(told[key] for key in sorted(told)))] = sample.value
    return found


async def until(it: Served, holds: Callable[[Samples], bool]) -> Samples:
    for _ in range(200):
        found = await samples(it)
        if holds(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it never happened")


def codes(found: Samples, method: str) -> dict[str, float]:
    return {
        key[1]: value
        for key, value in found.items()
        if key[0] == "grpc_server_handled_total" and key[2] == method
    }


# ---------------------------------------------------------------- what is counted


async def test_requests_are_counted_by_method_and_code() -> None:
    async with measured(director_cls=FakeDirector) as it, it.director_stub() as stub:
        await stub.GetEnvoys(director_pb2.GetEnvoysRequest())
        await stub.GetEnvoys(director_pb2.GetEnvoysRequest())
        it.fake.refusal = UnknownExperimentError("x")
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.GetExperimentStatus(director_pb2.GetExperimentStatusRequest())
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetMetricStream(director_pb2.GetMetricStreamRequest()).read()
        it.fake.refusal = ValueError("a bug")
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetEnvoys(director_pb2.GetEnvoysRequest())

        found = await samples(it)

    assert codes(found, "GetEnvoys") == {"OK": 2, "INTERNAL": 1}
    assert codes(found, "GetExperimentStatus") == {"NOT_FOUND": 3}
    assert codes(found, "GetMetricStream") == {"NOT_FOUND": 1}
    assert found["grpc_server_started_total", "GetEnvoys"] == 3
    assert found["grpc_server_handling_seconds_count", "GetEnvoys"] == 3


async def test_what_cannot_be_decoded_is_counted_as_refused() -> None:
    async with measured(director_cls=FakeDirector) as it, it.channel() as channel:
        for path in ("Director/GetEnvoys", "Director/SetNewExperiment", "Director/Nonsense"):
            method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
                f"/openfl.director.{path}"
            )
            with pytest.raises(grpc.aio.AioRpcError):
                await method(iter([b"\xff\xff\xff"])).read()

        found = await samples(it)

    assert codes(found, "GetEnvoys") == {"INVALID_ARGUMENT": 1}
    assert codes(found, "SetNewExperiment") == {"INVALID_ARGUMENT": 1}
    # Whoever calls may name as many methods as it likes: they are not remembered.
    assert not any("Nonsense" in key for key in found)


async def test_a_client_that_leaves_and_one_whose_time_is_over_are_told_apart() -> None:
    async with measured(director_cls=FakeDirector) as it, it.director_stub() as stub:
        it.fake.holds = True
        call = stub.WaitExperiment(director_pb2.WaitExperimentRequest())
        await it.fake.until("asked wait_experiment")
        assert (await samples(it))["grpc_server_started_total", "WaitExperiment"] == 1

        call.cancel()
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.WaitExperiment(director_pb2.WaitExperimentRequest(), timeout=0.05)

        found = await until(it, lambda found: sum(codes(found, "WaitExperiment").values()) == 2)

    assert codes(found, "WaitExperiment") == {"CANCELLED": 1, "DEADLINE_EXCEEDED": 1}


async def test_an_upload_whose_client_is_gone_is_counted_as_cancelled() -> None:
    async with measured(director_cls=FakeDirector) as it, it.director_stub() as stub:
        call = stub.SetNewExperiment()
        await call.write(director_pb2.ExperimentInfo(name="brain-mri"))
        await it.fake.until("asked submit")

        call.cancel()

        found = await until(it, lambda found: bool(codes(found, "SetNewExperiment")))

    assert codes(found, "SetNewExperiment") == {"CANCELLED": 1}


async def test_bytes_are_counted_as_they_go_over_the_wire() -> None:
    async with measured(director_cls=FakeDirector) as it, it.director_stub() as stub:
        it.fake.chunks = [bytes(1_000), bytes(500)]
        requests = [
            director_pb2.ExperimentInfo(
                name="brain-mri",
                experiment_data=director_pb2.ExperimentData(size=2_000, npbytes=bytes(2_000)),
            )
            for _ in range(2)
        ]
        await stub.SetNewExperiment(iter(requests))
        got = [
            chunk async for chunk in stub.GetExperimentData(director_pb2.GetExperimentDataRequest())
        ]

        found = await samples(it)

    sent = sum(request.ByteSize() for request in requests)
    assert found["squall_received_bytes_total", "SetNewExperiment"] == sent
    assert found["grpc_server_msg_received_total", "SetNewExperiment"] == 2
    assert found["squall_sent_bytes_total", "GetExperimentData"] == sum(
        chunk.ByteSize() for chunk in got
    )
    assert found["grpc_server_msg_sent_total", "GetExperimentData"] == 2


async def test_a_federation_is_counted_while_it_lives() -> None:
    async with measured(director_cls=Director) as it, it.director_stub() as stub:
        for name in ("env-1", "env-2"):
            shard = director_pb2.ShardInfo(
                node_info=director_pb2.NodeInfo(name=name),
                sample_shape=["1"],
                target_shape=["1"],
            )
            await stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard))
        wait = stub.WaitExperiment(director_pb2.WaitExperimentRequest(collaborator_name="env-2"))
        chunk = director_pb2.ExperimentData(size=len(ARCHIVE), npbytes=ARCHIVE)
        await stub.SetNewExperiment(
            iter(
                [
                    director_pb2.ExperimentInfo(
                        name="brain-mri",
                        collaborator_names=["env-1"],
                        experiment_data=chunk,
                        model_proto=base_pb2.ModelProto(),
                    )
                ]
            )
        )
        await stub.SetExperimentFailed(
            director_pb2.SetExperimentFailedRequest(
                experiment_name="brain-mri", collaborator_name="eve"
            )
        )

        found = await samples(it)
        wait.cancel()

    assert (found["squall_envoys", "online"], found["squall_envoys", "offline"]) == (2, 0)
    assert found["squall_experiments", "in_progress"] == 1
    assert found["squall_held", "waits"] == 1
    assert found["squall_failure_reports_refused_total",] == 1
    # Two envoys, and an experiment.
    assert found["squall_journal_append_seconds_count",] == 3
    assert found["squall_journal_append_failures_total",] == 0


async def test_a_handler_that_raises_is_counted_as_its_client_sees_it() -> None:
    async def broken(request: bytes, context: Context) -> bytes:
        raise ValueError(f"{request!r}, {context!r}")

    meter = Meter()
    handler: Handler = grpc.unary_unary_rpc_method_handler(broken, bytes, bytes)
    metered = meter.metered("/any.Service/Method", handler, kind="unary")
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("any.Service", {"Method": metered}),)
    )
    port = server.add_insecure_port("localhost:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/any.Service/Method"
        )
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await method(b"x")
    await server.stop(None)

    (figures,) = meter.figures()
    assert failed.value.code() is grpc.StatusCode.UNKNOWN
    assert (figures.begun, figures.ended, figures.received_bytes) == (1, {"UNKNOWN": 1}, 1)


# ---------------------------------------------------------------- where it is shown


async def test_whoever_asks_for_openmetrics_gets_it() -> None:
    async with measured(director_cls=Director) as it, it.director_stub() as stub:
        await stub.GetEnvoys(director_pb2.GetEnvoysRequest())

        text = await scraped(it, "application/openmetrics-text; version=1.0.0")

    names = {family.name for family in openmetrics(text)}  # type: ignore[no-untyped-call]
    assert {"grpc_server_handled", "squall_envoys", "squall_rounds_closed"} <= names
    # Memory and descriptors of the process, as the library tells them.
    assert {"process_resident_memory_bytes", "process_open_fds"} <= names


async def test_the_port_is_closed_with_the_server_and_opened_with_it_again() -> None:
    async with measured() as it:
        port = it.server.metrics_port
        assert port is not None

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("localhost", port)
    async with it.server.serving():
        assert it.server.metrics_port == port
        await scraped(it)


async def test_a_port_that_is_taken_is_a_clear_error_and_nothing_is_served() -> None:
    async with measured() as it:
        second = DirectorGRPCServer(
            director_cls=FakeDirector, tls=False, listen_host="localhost", listen_port=0
        )
        second.metrics_port = it.server.metrics_port

        with pytest.raises(CannotListenError) as refused:
            async with second.serving():
                pytest.fail("it serves")

    assert str(refused.value) == (
        f"cannot listen on localhost:{it.server.metrics_port} for metrics: Address already in use"
    )
    assert second.port == 0


async def test_without_the_library_the_server_serves_and_metrics_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    async with served() as it, it.director_stub() as stub:
        await stub.GetEnvoys(director_pb2.GetEnvoysRequest())

    with pytest.raises(MissingExtraError, match=r"pip install 'squall\[metrics\]'"):
        async with measured():
            pytest.fail("it serves")
