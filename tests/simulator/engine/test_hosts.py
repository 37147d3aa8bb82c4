"""Directors under test go down and come back, whatever kind of host they live on."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import grpc
import grpc.aio
import pytest

from director.clock import Clock, SystemClock
from director.offload import in_thread, inline
from protos import director_pb2 as pb, director_pb2_grpc
from simulator.engine.host import Blueprint, Host, HostError
from simulator.engine.memory_host import MemoryHost
from simulator.engine.run import VIRTUAL_EPOCH
from simulator.engine.subprocess_host import SubprocessHost
from simulator.engine.wire_host import ExternalHost, WireHost
from simulator.network.api import ClientCredentials, RuleBook
from simulator.pki import Pki
from simulator.scenario.schema import DirectorSpec
from simulator.world import Signal, StorageTrouble

SIGNALS: tuple[Signal, ...] = ("kill", "stop")
WIRE = pytest.mark.wire

KINDS = ["memory", pytest.param("wire", marks=WIRE), pytest.param("subprocess", marks=WIRE)]
DEADLINE_S = 10.0
ROOT = Path(__file__).parents[3]


class LoopClock:
    def now(self) -> float:
        return VIRTUAL_EPOCH + asyncio.get_running_loop().time()


def _host(kind: str, pki: Pki | None, spec: DirectorSpec) -> Host:
    is_virtual = kind == "memory"
    clock: Clock = LoopClock() if is_virtual else SystemClock()
    blueprint = Blueprint(
        spec=spec,
        clock=clock,
        offload=inline if is_virtual else in_thread,
        credentials=None if pki is None else pki.server(),
    )
    match kind:
        case "memory":
            return MemoryHost(blueprint, RuleBook())
        case "wire":
            return WireHost(blueprint, RuleBook())
        case _:
            return SubprocessHost(blueprint, RuleBook(), visitor=_credentials(pki, "visitor"))


def _credentials(pki: Pki | None, name: str) -> ClientCredentials | None:
    return None if pki is None else pki.client(name)


@asynccontextmanager
async def hosted(
    kind: str, pki: Pki | None = None, spec: DirectorSpec | None = None
) -> AsyncIterator[Host]:
    host = _host(kind, pki, spec or DirectorSpec())
    try:
        await host.start()
        yield host
    finally:
        await host.close()


def _stub(host: Host, pki: Pki | None = None) -> "director_pb2_grpc.DirectorAsyncStub":
    channel = host.network.connect("a", credentials=_credentials(pki, "a"))
    return cast("director_pb2_grpc.DirectorAsyncStub", director_pb2_grpc.DirectorStub(channel))


async def _register(stub: "director_pb2_grpc.DirectorAsyncStub") -> bool:
    shard = pb.ShardInfo(node_info=pb.NodeInfo(name="a"), sample_shape=["1"], target_shape=["1"])
    request = pb.UpdateShardInfoRequest(shard_info=shard)
    return (await stub.UpdateShardInfo(request, timeout=DEADLINE_S)).accepted


async def _members(stub: "director_pb2_grpc.DirectorAsyncStub") -> list[str]:
    answer = await stub.GetEnvoys(pb.GetEnvoysRequest(), timeout=DEADLINE_S, wait_for_ready=True)
    return [info.shard_info.node_info.name for info in answer.envoy_infos]


def _exists(folder: str) -> bool:
    return Path(folder).exists()


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
async def test_a_process_can_be_looked_into() -> None:
    async with hosted("subprocess") as host:
        held = host.held()

        assert held["descriptors"] > 3
        assert held["threads"] > 1
        assert held["resident_kib"] > 1024


@pytest.mark.wire
async def test_a_killed_process_is_gone_and_its_folder_goes_with_the_host() -> None:
    async with hosted("subprocess") as host:
        assert isinstance(host, SubprocessHost)
        assert host._process is not None
        folder, process = host._folder.name, host._process.pid

        await host.take_down("kill")

        assert _exists(folder)
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert not _exists(folder)


SIMULATOR = """
import asyncio
from tests.simulator.engine.test_hosts import hosted

async def main():
    async with hosted("subprocess") as host:
        print(host._process.pid, host._folder.name, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.wire
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of such a death")
async def test_a_process_does_not_outlive_a_simulator_that_is_killed() -> None:
    simulator = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SIMULATOR, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert simulator.stdout is not None
    pid, folder = (await simulator.stdout.readline()).decode().split()
    director = os.pidfd_open(int(pid))

    simulator.kill()

    try:
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(director, gone.set)
        async with asyncio.timeout(DEADLINE_S):
            await gone.wait()
    finally:
        asyncio.get_running_loop().remove_reader(director)
        os.close(director)
        await simulator.wait()
        shutil.rmtree(folder)


@pytest.mark.wire
async def test_what_a_process_says_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="director.process")

    async with hosted("subprocess"):
        pass

    assert "serving on 127.0.0.1" in caplog.text
    assert "received SIGTERM" in caplog.text


@pytest.mark.wire
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("no-such-program",), "no-such-program cannot be run"),
        (("false",), "ended with code 1"),
        (("sh", "-c", "echo out of order; exit 3"), "ended with code 3\n  out of order"),
    ],
)
async def test_a_process_that_does_not_come_up_tells_why(
    command: tuple[str, ...], message: str
) -> None:
    host = _host("subprocess", None, DirectorSpec(run="subprocess", command=command))

    with pytest.raises(HostError, match=message):
        await host.start()

    await host.close()


@pytest.mark.wire
async def test_somebody_elses_director_is_left_alone() -> None:
    async with hosted("wire") as theirs:
        host = ExternalHost(theirs.address, RuleBook())
        await host.start()
        await host.take_down("kill")

        assert await _register(_stub(host))
        assert host.held() == {}
        await host.close()
