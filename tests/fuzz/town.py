"""A Director in the middle of its work, in either world, and what it may answer to nonsense."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from director.director import Director
from director.offload import inline
from director.transport.metering import Meter
from director.transport.server import DirectorGRPCServer
from director.workspace import federation_id
from protos import director_pb2
from simulator.network.memory import MemoryNetwork
from simulator.pki import MEMORY_HOST, Pki
from tests.director.house import LoopClock, plan_of
from tests.director.transport.served import director_stub, served, write_certificates
from tests.fuzz.rpcs import ENVOYS, EXPERIMENT, FEDERATION, OWNER, Rpc, shard, upload

Code = grpc.StatusCode

_REFUSALS = {
    *(Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.UNAVAILABLE),
    *(Code.PERMISSION_DENIED, Code.UNAUTHENTICATED, Code.RESOURCE_EXHAUSTED),
}
_COLLABORATORS = {"GetTasks", "GetAggregatedTensor", "SendLocalTaskResults"}
_PATIENT = {"WaitExperiment", "GetMetricStream"}
"""What goes on until something happens; the fuzzer gives up on them."""

_TELLTALE = re.compile(r"Traceback|Unexpected <|Exception|/work|/tmp|site-packages|object at 0x")

_PASSING = ("waits", "tasks", "uploads", "streams")
"""What a Director holds only while somebody is there."""

PATIENCE_S = 0.2


def allowed(rpc: Rpc) -> set[grpc.StatusCode]:
    """Return the codes that are documented for an RPC."""
    if rpc.service.endswith("Aggregator") and rpc.name in _COLLABORATORS:
        empty = {Code.INVALID_ARGUMENT} if rpc.name == "SendLocalTaskResults" else set()
        return {Code.OK, Code.UNAVAILABLE, Code.UNAUTHENTICATED} | empty
    return _REFUSALS | ({Code.DEADLINE_EXCEEDED} if rpc.name in _PATIENT else set())


async def outcome(call: Any) -> tuple[grpc.StatusCode, str]:
    """Return code and details of a call, whatever it answers before."""
    try:
        async for _ in call:
            pass
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return await call.code(), ""


def judge(rpc: Rpc, code: grpc.StatusCode, details: str) -> None:
    """Fail where an answer is not one that is documented, or tells what is nobody's business."""
    assert code in allowed(rpc), f"{rpc} answered {code.name}: {details}"
    assert not _TELLTALE.search(details), details
    assert (code is Code.OK) == (details == "") or code is Code.DEADLINE_EXCEEDED


@dataclass(frozen=True)
class Town:
    """A Director that has two envoys, and an experiment in its first round."""

    server: DirectorGRPCServer
    meter: Meter
    channel: grpc.aio.Channel
    federation: str

    async def told(self, rpc: Rpc, sent: Sequence[bytes], *, who: str) -> grpc.StatusCode:
        """Send bytes as a client that knows nothing of messages; return the code, once judged."""
        # A generic stream looks to the server like whatever the method takes.
        method: Any = (
            self.channel.stream_stream(rpc.path)
            if rpc.is_upload
            else self.channel.unary_stream(rpc.path)
        )
        federation = self.federation.encode()
        meant = [content.replace(FEDERATION.encode(), federation) for content in sent]
        code, details = await outcome(
            method(
                iter(meant) if rpc.is_upload else meant[0],
                metadata=(("client_id", who),),
                timeout=PATIENCE_S,
            )
        )
        judge(rpc, code, details)
        return code

    async def still_serves(self) -> None:
        """Fail where the Director does not answer a good request, or holds on to what is gone."""
        stub = director_stub(self.channel)
        listed = await stub.GetEnvoys(director_pb2.GetEnvoysRequest(), timeout=5)
        assert {info.shard_info.node_info.name for info in listed.envoy_infos} >= set(ENVOYS)
        director = self.server.director
        assert isinstance(director, Director)
        for _ in range(100):
            if not any(director.held()[kind] for kind in _PASSING):
                break
            await asyncio.sleep(0.05)
        assert not any(director.held()[kind] for kind in _PASSING), dict(director.held())
        codes = {code for figures in self.meter.figures() for code in figures.ended}
        assert not codes & {"UNKNOWN", "INTERNAL"}


@cache
def _pki() -> Pki:
    return Pki()


@asynccontextmanager
async def town_in_memory(*, tls: bool) -> AsyncIterator[Town]:
    """The town on the network in memory, and a channel to it that shows `a`'s certificate."""
    clock = LoopClock()
    with tempfile.TemporaryDirectory() as folder:
        network = MemoryNetwork(server_credentials=_pki().server() if tls else None, now=clock.now)
        server = DirectorGRPCServer(
            tls=tls,
            clock=clock,
            offload=inline,
            envoy_health_check_period=10,
            **(write_certificates(_pki(), Path(folder)) if tls else {}),
        )
        server._meter = meter = Meter()
        server.director.announce(MEMORY_HOST, 50051)
        await server.director.start()
        server.register(network.server)
        await network.server.start()

        def connect(name: str) -> grpc.aio.Channel:
            return network.connect(name, credentials=_pki().client(name) if tls else None)

        try:
            federation = await _settled(connect)
            yield Town(server, meter, connect(ENVOYS[0]), federation)
        finally:
            await server.director.close()
            await network.close()


@asynccontextmanager
async def town_on_sockets(*, tls: bool) -> AsyncIterator[Town]:
    """The town on a port of loopback, which answers reflection, too."""
    meter = Meter()

    def prepare(server: DirectorGRPCServer) -> None:
        server._meter = meter
        server.reflection = True

    async with AsyncExitStack() as stack:
        it = await stack.enter_async_context(
            served(tls=tls, director_cls=Director, prepare=prepare, envoy_health_check_period=10)
        )
        channels = {
            name: await stack.enter_async_context(it.channel(name)) for name in (*ENVOYS, OWNER)
        }
        federation = await _settled(channels.__getitem__)
        yield Town(it.server, meter, channels[ENVOYS[0]], federation)


async def _settled(connect: Callable[[str], grpc.aio.Channel]) -> str:
    """Register everybody, begin the experiment; return its federation id."""
    stubs = {name: director_stub(connect(name)) for name in ENVOYS}
    waits = []
    for name, stub in stubs.items():
        await stub.UpdateShardInfo(director_pb2.UpdateShardInfoRequest(shard_info=shard(name)))
        wait = director_pb2.WaitExperimentRequest(collaborator_name=name)
        waits.append(asyncio.ensure_future(stub.WaitExperiment(wait)))
    await stubs[OWNER].SetNewExperiment(
        iter([upload(EXPERIMENT)]), metadata=(("client_id", OWNER),)
    )
    await asyncio.gather(*waits)
    stream = stubs["a"].GetExperimentData(
        director_pb2.GetExperimentDataRequest(experiment_name=EXPERIMENT, collaborator_name="a")
    )
    archive = b"".join([chunk.npbytes async for chunk in stream])
    return federation_id(plan_of(archive))
