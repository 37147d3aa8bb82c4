"""How a server is constructed, started and stopped."""

import asyncio
import inspect
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from director.core.model import Metric
from director.director import Director
from director.settings import SettingsError
from director.transport import listening, server as server_module
from director.transport.credentials import CertificateError
from director.transport.listening import CannotListenError
from director.transport.server import DirectorGRPCServer
from protos import aggregator_pb2, director_pb2
from simulator.pki import Pki
from tests.director.transport.fake_director import FakeDirector
from tests.director.transport.served import (
    Served,
    aggregator_stub,
    director_stub,
    served,
    write_certificates,
)

SERVICES = ("", "openfl.director.Director", "openfl.aggregator.Aggregator")

# ---------------------------------------------------------------- construction


def test_the_constructor_takes_these_keywords_with_these_defaults_and_no_others() -> None:
    parameters = inspect.signature(DirectorGRPCServer).parameters

    kinds = {parameter.kind for parameter in parameters.values()}
    defaults = {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    assert kinds == {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
    assert defaults == {
        "director_cls": Director,
        "tls": True,
        "root_certificate": "cert/root_ca.crt",
        "private_key": "cert/host.key",
        "certificate": "cert/host.crt",
        "review_plan_callback": None,
        "listen_host": "[::]",
        "listen_port": 50051,
        "envoy_health_check_period": 0,
        "sample_shape": ("1",),
        "target_shape": ("1",),
    }


def test_keywords_that_the_server_does_not_know_go_to_its_director() -> None:
    def review(name: str, path: Path) -> bool:
        return bool(name and path)

    server = DirectorGRPCServer(
        director_cls=FakeDirector,
        tls=False,
        review_plan_callback=review,
        envoy_health_check_period=30,
        sample_shape=[64, "64"],  # type: ignore[list-item] # configuration files hold numbers, too
        colour="green",
    )

    director: Any = server.director
    assert director.keywords == {
        "sample_shape": ("64", "64"),
        "target_shape": ("1",),
        "envoy_health_check_period": 30,
        "review_plan_callback": review,
        "colour": "green",
    }


def test_the_attributes_tell_how_the_server_was_set_up(tmp_path: Path) -> None:
    files = write_certificates(Pki(), tmp_path)

    secure = DirectorGRPCServer(director_cls=FakeDirector, listen_host="::1", **files)
    plain = DirectorGRPCServer(director_cls=FakeDirector, tls=False, **files)

    assert (secure.tls, secure.listen_uri, secure.port) == (True, "[::1]:50051", 50051)
    assert {role: getattr(secure, role) for role in files} == files
    assert (plain.tls, plain.listen_uri, plain.server) == (False, "[::]:50051", None)
    assert {role: getattr(plain, role) for role in files} == dict.fromkeys(files)
    assert "[::1]:50051" in repr(secure)


def test_missing_certificates_are_all_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "host.crt").mkdir()

    with pytest.raises(CertificateError) as refused:
        DirectorGRPCServer(
            director_cls=FakeDirector,
            root_certificate=None,
            private_key=tmp_path / "host.key",
            certificate=tmp_path / "host.crt",
        )

    assert str(refused.value) == (
        "TLS needs certificates: root_certificate is not given;"
        f" private_key {tmp_path}/host.key does not exist;"
        f" certificate {tmp_path}/host.crt cannot be read (Is a directory)"
        " (without TLS, none are needed)"
    )


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("listen_host", "", "should have at least 1 character, not ''"),
        ("listen_port", 99_999, "should be less than or equal to 65535, not 99999"),
        ("listen_port", -1, "should be greater than or equal to 0, not -1"),
        ("sample_shape", "64", "should be a list, such as ['64', '64'], not '64'"),
        ("target_shape", None, "should be a list, such as ['64', '64'], not None"),
        ("envoy_health_check_period", -5, "should be greater than or equal to 0, not -5"),
        (
            "envoy_health_check_period",
            1e9,
            "should be less than or equal to 86400, not 1000000000.0",
        ),
        ("envoy_health_check_period", float("nan"), "should be a finite number, not nan"),
    ],
)
def test_what_no_configuration_may_say_no_program_may_say_either(
    setting: str, value: Any, told: str
) -> None:
    keywords: Any = {setting: value}

    with pytest.raises(SettingsError) as refused:
        DirectorGRPCServer(director_cls=FakeDirector, tls=False, **keywords)

    assert str(refused.value) == f"{setting}: {told}"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"listen_port: .*\nsample_shape: "):
        DirectorGRPCServer(
            director_cls=FakeDirector,
            tls=False,
            listen_port=-1,
            sample_shape="64",
        )


# ---------------------------------------------------------------- start


@pytest.mark.wire
@pytest.mark.parametrize("tls", [False, True])
async def test_a_free_port_is_found_and_told(*, tls: bool) -> None:
    async with served(tls=tls) as it, it.director_stub() as stub:
        await stub.GetEnvoys(director_pb2.GetEnvoysRequest())

        assert it.server.port > 0
        assert it.server.listen_uri == f"localhost:{it.server.port}"
        assert it.server.server is not None
        assert it.fake.is_started
        assert it.fake.listens_on == ("localhost", it.server.port)


@pytest.mark.wire
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_blocking_start_returns_after_a_signal(number: signal.Signals) -> None:
    class Signalling(FakeDirector):
        async def start(self) -> None:
            await super().start()
            signal.raise_signal(number)

    server = DirectorGRPCServer(
        director_cls=Signalling, tls=False, listen_host="localhost", listen_port=0
    )

    server.start()

    fake: Any = server.director
    assert fake.is_closed
    assert signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}


@pytest.mark.wire
async def test_a_port_that_is_taken_is_a_clear_error() -> None:
    async with served() as it:
        second = DirectorGRPCServer(
            director_cls=FakeDirector,
            tls=False,
            listen_host="localhost",
            listen_port=it.server.port,
        )

        with pytest.raises(CannotListenError) as refused:
            async with second.serving():
                pytest.fail("two servers share a port")

        assert f"cannot listen on localhost:{it.server.port}" in str(refused.value)


@pytest.mark.wire
async def test_a_director_that_cannot_start_leaves_no_server_behind() -> None:
    class Broken(FakeDirector):
        async def start(self) -> None:
            raise OSError("the disk is gone")

    server = DirectorGRPCServer(
        director_cls=Broken, tls=False, listen_host="localhost", listen_port=0
    )

    with pytest.raises(OSError, match="the disk is gone"):
        async with server.serving():
            pytest.fail("it serves")

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("localhost", server.port)


@pytest.mark.wire
async def test_a_server_can_serve_again_where_it_served() -> None:
    async with served() as it:
        port = it.server.port

    async with it.server.serving(), it.director_stub() as stub:
        await stub.GetEnvoys(director_pb2.GetEnvoysRequest())
        assert it.server.port == port


@pytest.mark.wire
async def test_any_grpc_server_can_answer_for_both_services_and_the_health() -> None:
    mine = DirectorGRPCServer(director_cls=FakeDirector, tls=False)
    other = grpc.aio.server()
    mine.register(other)
    port = other.add_insecure_port("localhost:0")
    await other.start()

    async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
        await director_stub(channel).GetEnvoys(director_pb2.GetEnvoysRequest())
        await aggregator_stub(channel).GetTasks(aggregator_pb2.GetTasksRequest())
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())

    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
    await other.stop(None)


# ---------------------------------------------------------------- stop


@pytest.mark.wire
async def test_a_stop_answers_long_polls_and_ends_streams_in_good_order() -> None:
    async with served() as it, it.channel() as channel:
        stub = director_stub(channel)
        it.fake.holds = True
        it.fake.measured = [Metric(origin="env-1", task="train", name="loss", value=0.5, round=3)]
        wait = asyncio.ensure_future(stub.WaitExperiment(director_pb2.WaitExperimentRequest()))
        stream = stub.GetMetricStream(director_pb2.GetMetricStreamRequest())
        await stream.read()
        await it.fake.until("asked metrics")
        assert it.server.server is not None

        await it.server._stop(it.server.server)

        assert (await wait).experiment_name == "brain-mri"
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() == grpc.StatusCode.OK
        assert it.fake.is_closed


@pytest.mark.wire
async def test_what_does_not_end_by_itself_is_ended_when_the_grace_is_over() -> None:
    class Stubborn(FakeDirector):
        def drain(self) -> None:
            """Let everybody wait on."""

    def prepare(server: DirectorGRPCServer) -> None:
        server.grace_s = 0.05

    async with served(director_cls=Stubborn, prepare=prepare) as it, it.director_stub() as stub:
        it.fake.holds = True
        wait = asyncio.ensure_future(stub.WaitExperiment(director_pb2.WaitExperimentRequest()))
        await it.fake.until("asked wait_experiment")
        assert it.server.server is not None

        await it.server._stop(it.server.server)

        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await wait
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.wire
async def test_a_request_that_comes_while_the_server_stops_is_told_to_go_elsewhere() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.holds = True
        wait = asyncio.ensure_future(stub.WaitExperiment(director_pb2.WaitExperimentRequest()))
        await it.fake.until("asked wait_experiment")
        assert it.server.server is not None
        stopping = asyncio.ensure_future(it.server._stop(it.server.server))
        await wait

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.WaitExperiment(director_pb2.WaitExperimentRequest(), timeout=5)

        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        await stopping


# ---------------------------------------------------------------- health


async def health_of(it: Served, service: str) -> int:
    async with it.channel() as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        return int(answer.status)


@pytest.mark.wire
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("tls", [False, True])
async def test_a_server_that_serves_is_healthy(service: str, *, tls: bool) -> None:
    async with served(tls=tls) as it:
        assert await health_of(it, service) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.wire
async def test_the_health_of_an_unknown_service_is_not_found() -> None:
    async with served() as it:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health_of(it, "no.such.Service")

        assert refused.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.wire
async def test_who_watches_the_health_of_an_unknown_service_is_told_that_it_is_unknown() -> None:
    async with served() as it, it.channel() as channel:
        health = health_pb2_grpc.HealthStub(channel)

        watch = health.Watch(health_pb2.HealthCheckRequest(service="no.such.Service"))

        answer = await watch.read()
        assert answer.status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        watch.cancel()


@pytest.mark.wire
async def test_who_watches_the_health_is_told_of_the_stop_and_let_go() -> None:
    async with served() as it, it.channel() as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watches = [health.Watch(health_pb2.HealthCheckRequest(service=name)) for name in SERVICES]
        before = [(await watch.read()).status for watch in watches]
        assert it.server.server is not None

        await it.server._stop(it.server.server)

        after = [(await watch.read()).status for watch in watches]
        ends = [await watch.read() for watch in watches]
        assert before == [health_pb2.HealthCheckResponse.SERVING] * 3
        assert after == [health_pb2.HealthCheckResponse.NOT_SERVING] * 3
        assert ends == [grpc.aio.EOF] * 3


# ---------------------------------------------------------------- load


@asynccontextmanager
async def silenced(port: int) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A way to a port that passes nothing on once the event is set, and closes nothing either."""
    silence = asyncio.Event()
    over = asyncio.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(2**16):
            if silence.is_set():
                await over.wait()
            writer.write(content)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("localhost", port)
        pumps = [
            asyncio.create_task(pump(reader, inner_writer)),
            asyncio.create_task(pump(inner_reader, writer)),
        ]
        await over.wait()
        for end in (writer, inner_writer):
            end.transport.abort()
        await asyncio.gather(*pumps, return_exceptions=True)
        ended.set()

    ended = asyncio.Event()
    relaying = await asyncio.start_server(relay, "localhost", 0)
    try:
        yield relaying.sockets[0].getsockname()[1], silence
    finally:
        over.set()
        await ended.wait()
        relaying.close()
        await relaying.wait_closed()


@pytest.mark.wire
@pytest.mark.slow
async def test_ten_thousand_long_polls_in_one_burst_are_all_answered() -> None:
    async with served() as it, it.director_stub() as stub:
        it.fake.holds = True
        calls = [stub.WaitExperiment(director_pb2.WaitExperimentRequest()) for _ in range(10_000)]
        for _ in calls:
            await it.fake.until("asked wait_experiment")

        await it.fake.close()

        answers = await asyncio.gather(*calls)
        assert {answer.experiment_name for answer in answers} == {"brain-mri"}


@pytest.mark.wire
@pytest.mark.slow
async def test_a_long_poll_whose_connection_goes_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = dict(listening.OPTIONS) | {
        "grpc.keepalive_time_ms": 1_000,
        "grpc.keepalive_timeout_ms": 500,
        "grpc.http2.ping_timeout_ms": 500,
    }
    monkeypatch.setattr(server_module, "OPTIONS", tuple(quick.items()))
    async with served() as it, silenced(it.server.port) as (port, silence):
        it.fake.holds = True
        async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
            call = director_stub(channel).WaitExperiment(director_pb2.WaitExperimentRequest())
            waiting = asyncio.ensure_future(call)
            await it.fake.until("asked wait_experiment")

            silence.set()

            await it.fake.until("cancelled wait_experiment")
            waiting.cancel()
