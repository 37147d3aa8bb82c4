"""Directors under test go down and come back, whatever kind of host they live on."""

import asyncio
from typing import cast

import grpc
import grpc.aio
import pytest

from protos import director_pb2 as pb, director_pb2_grpc
from simulator.engine.host import Host
from simulator.engine.memory_host import MemoryHost
from simulator.engine.wire_host import ExternalHost, WireHost
from simulator.network.api import RuleBook
from simulator.pki import Pki
from simulator.world import Signal, StorageTrouble
from tests.simulator.engine.hosts import DEADLINE_S, credentials_of, hosted

SIGNALS: tuple[Signal, ...] = ("kill", "stop")
WIRE = pytest.mark.wire

KINDS = ["memory", pytest.param("wire", marks=WIRE), pytest.param("subprocess", marks=WIRE)]


def _stub(host: Host, pki: Pki | None = None) -> "director_pb2_grpc.DirectorAsyncStub":
    channel = host.network.connect("a", credentials=credentials_of(pki, "a"))
    return cast("director_pb2_grpc.DirectorAsyncStub", director_pb2_grpc.DirectorStub(channel))


async def _register(stub: "director_pb2_grpc.DirectorAsyncStub") -> bool:
    shard = pb.ShardInfo(node_info=pb.NodeInfo(name="a"), sample_shape=["1"], target_shape=["1"])
    request = pb.UpdateShardInfoRequest(shard_info=shard)
    return (await stub.UpdateShardInfo(request, timeout=DEADLINE_S)).accepted


async def _members(stub: "director_pb2_grpc.DirectorAsyncStub") -> list[str]:
    answer = await stub.GetEnvoys(pb.GetEnvoysRequest(), timeout=DEADLINE_S, wait_for_ready=True)
    return [info.shard_info.node_info.name for info in answer.envoy_infos]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signal", SIGNALS)
async def test_nobody_answers_while_the_director_is_down(kind: str, signal: Signal) -> None:
    async with hosted(kind) as host:
        stub = _stub(host)
        assert await _members(stub) == []

        await host.take_down(signal)

        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.GetEnvoys(pb.GetEnvoysRequest(), timeout=DEADLINE_S)
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        assert host.held() == {}


@pytest.mark.parametrize("kind", ["memory", pytest.param("wire", marks=WIRE)])
@pytest.mark.parametrize(
    ("trouble", "code"),
    [("full", grpc.StatusCode.RESOURCE_EXHAUSTED), ("error", grpc.StatusCode.UNAVAILABLE)],
)
async def test_a_disk_in_trouble_is_told_to_whoever_asks_until_it_is_well(
    kind: str, trouble: StorageTrouble, code: grpc.StatusCode
) -> None:
    async with hosted(kind) as host:
        assert isinstance(host, MemoryHost | WireHost)
        stub = _stub(host)

        with host.troubled(trouble), pytest.raises(grpc.aio.AioRpcError) as refusal:
            await _register(stub)

        assert refusal.value.code() is code
        assert await _members(stub) == []
        assert await _register(stub)


async def test_a_torn_write_is_the_next_one_and_nothing_of_it_is_acknowledged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with hosted("memory") as host:
        assert isinstance(host, MemoryHost)
        stub = _stub(host)
        assert await _register(stub)
        deaths: list[str] = []
        tearing = asyncio.ensure_future(host.tear(lambda: deaths.append("now")))
        await asyncio.sleep(1)
        assert await _members(stub) == ["a"], "what writes nothing goes on"
        assert not deaths

        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await _register(stub)
        await tearing
        await host.start()

        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        assert deaths == ["now"]
        assert "the journal's end is torn, and is cut" in caplog.text
        assert await _members(stub) == ["a"]


async def test_where_nothing_is_written_a_director_dies_of_a_torn_write_all_the_same() -> None:
    async with hosted("memory") as host:
        assert isinstance(host, MemoryHost)
        deaths: list[str] = []

        await host.tear(lambda: deaths.append("now"))

        assert deaths == ["now"]
        assert host.held() == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signal", SIGNALS)
async def test_it_comes_back_at_the_same_address(kind: str, signal: Signal) -> None:
    async with hosted(kind) as host:
        address = host.address
        stub = _stub(host)

        await host.take_down(signal)
        await host.start()

        assert host.address == address
        assert await _register(stub)


@pytest.mark.parametrize("kind", KINDS)
async def test_it_comes_back_under_tls(kind: str) -> None:
    pki = Pki()
    async with hosted(kind, pki) as host:
        await host.take_down("kill")
        await host.start()

        assert await _register(_stub(host, pki))


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("signal", SIGNALS)
async def test_what_was_registered_is_remembered(kind: str, signal: Signal) -> None:
    async with hosted(kind) as host:
        stub = _stub(host)
        await _register(stub)

        await host.take_down(signal)
        await host.start()

        assert await _members(stub) == ["a"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_long_poll_ends_with_its_director(kind: str) -> None:
    async with hosted(kind) as host:
        stub = _stub(host)
        await _register(stub)
        request = pb.WaitExperimentRequest(collaborator_name="a")
        waiting = stub.WaitExperiment(request, timeout=DEADLINE_S)
        await asyncio.sleep(0.5)

        await host.take_down("kill")

        with pytest.raises(grpc.aio.AioRpcError) as ending:
            await waiting
        assert ending.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("kind", KINDS)
async def test_taking_down_what_is_down_is_harmless(kind: str) -> None:
    async with hosted(kind) as host:
        await host.take_down("kill")

        await host.take_down("stop")
        await host.take_down("kill")


@pytest.mark.wire
async def test_somebody_elses_director_is_left_alone() -> None:
    async with hosted("wire") as theirs:
        host = ExternalHost(theirs.address, RuleBook())
        await host.start()
        await host.take_down("kill")

        assert await _register(_stub(host))
        assert host.held() == {}
        await host.close()
