"""The servers that are compared: our Director, and the least Python that speaks its wire.

Each runs in a process of its own: `python -m tests.benchmarks.sides director` prints its port, and
serves until its standard input ends; `metered` is the Director with metrics.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from director import DirectorGRPCServer, memory
from director.transport.listening import OPTIONS
from director.transport.loops import quick_loop
from protos import director_pb2, director_pb2_grpc

if TYPE_CHECKING:
    from protos.director_pb2_grpc import DirectorAsyncStub

NAMES = ("director", "floor")

# ---------------------------------------------------------------- servers


class Floor(director_pb2_grpc.DirectorServicer):
    """Answers at once, checks nothing, remembers the last upload."""

    def __init__(self) -> None:
        self._archive: list[bytes] = []
        self._waits: list[asyncio.Future[str]] = []
        self._envoys = director_pb2.GetEnvoysResponse()

    async def UpdateShardInfo(  # noqa: N802
        self, request: director_pb2.UpdateShardInfoRequest, _: Any
    ) -> director_pb2.UpdateShardInfoResponse:
        self._envoys.envoy_infos.add(shard_info=request.shard_info)
        return director_pb2.UpdateShardInfoResponse(accepted=True)

    async def GetEnvoys(  # noqa: N802
        self, _: director_pb2.GetEnvoysRequest, __: Any
    ) -> director_pb2.GetEnvoysResponse:
        return self._envoys

    async def GetDatasetInfo(  # noqa: N802
        self, _: director_pb2.GetDatasetInfoRequest, __: Any
    ) -> director_pb2.GetDatasetInfoResponse:
        return director_pb2.GetDatasetInfoResponse()

    async def UpdateEnvoyStatus(  # noqa: N802
        self, _: director_pb2.UpdateEnvoyStatusRequest, __: Any
    ) -> director_pb2.UpdateEnvoyStatusResponse:
        response = director_pb2.UpdateEnvoyStatusResponse()
        response.health_check_period.seconds = 60
        return response

    async def WaitExperiment(  # noqa: N802
        self, _: director_pb2.WaitExperimentRequest, __: Any
    ) -> director_pb2.WaitExperimentResponse:
        wait: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waits.append(wait)
        return director_pb2.WaitExperimentResponse(experiment_name=await wait)

    async def SetNewExperiment(  # noqa: N802
        self, request_iterator: AsyncIterator[director_pb2.ExperimentInfo], _: Any
    ) -> director_pb2.SetNewExperimentResponse:
        self._archive = []
        name = ""
        async for message in request_iterator:
            name = message.name
            self._archive.append(message.experiment_data.npbytes)
        waits, self._waits = self._waits, []
        for wait in waits:
            wait.set_result(name)
        return director_pb2.SetNewExperimentResponse(accepted=True)

    async def GetExperimentData(  # noqa: N802
        self, _: director_pb2.GetExperimentDataRequest, __: Any
    ) -> AsyncIterator[director_pb2.ExperimentData]:
        for chunk in self._archive:
            yield director_pb2.ExperimentData(size=len(chunk), npbytes=chunk)

    async def SetExperimentFailed(  # noqa: N802
        self, _: director_pb2.SetExperimentFailedRequest, __: Any
    ) -> director_pb2.SetExperimentFailedResponse:
        return director_pb2.SetExperimentFailedResponse()

    async def RemoveExperimentData(  # noqa: N802
        self, _: director_pb2.RemoveExperimentRequest, __: Any
    ) -> director_pb2.RemoveExperimentResponse:
        return director_pb2.RemoveExperimentResponse(acknowledgement=True)


async def _serve_floor() -> None:
    server = grpc.aio.server(options=OPTIONS)
    floor = Floor()  # type: ignore[abstract] # what is not measured is not served
    director_pb2_grpc.add_DirectorServicer_to_server(floor, server)
    port = server.add_insecure_port("localhost:0")
    await server.start()
    await _until_told(port)
    await server.stop(None)


async def _serve_director(*, metrics_port: int | None = None) -> None:
    server = DirectorGRPCServer(tls=False, listen_host="localhost", listen_port=0)
    server.metrics_port = metrics_port
    async with server.serving():
        memory.keep_what_is_there()
        await _until_told(server.port)


async def _until_told(port: int) -> None:
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)


# ---------------------------------------------------------------- clients


@dataclass(frozen=True)
class Side:
    """A running server, seen from outside."""

    name: str
    port: int
    pid: int

    def channel(self) -> grpc.aio.Channel:
        """Open a connection of its own."""
        options = (*OPTIONS, ("grpc.use_local_subchannel_pool", 1))
        return grpc.aio.insecure_channel(f"localhost:{self.port}", options)

    def cpu_s(self) -> float:
        """Return the processor time that the server has taken, to the nanosecond."""
        # So Linux numbers the clock of another process: clock_getcpuclockid(3).
        return time.clock_gettime((~self.pid << 3) | 2)

    def resident_mib(self) -> float:
        """Return the memory that the server holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def peak_mib(self) -> float:
        """Return the most memory that the server has held."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def stub_of(channel: grpc.aio.Channel) -> "DirectorAsyncStub":
    """Return the typed stub."""
    stub: Any = director_pb2_grpc.DirectorStub(channel)
    return stub  # type: ignore[no-any-return]


@contextmanager
def both(names: tuple[str, str] = NAMES) -> Iterator[tuple[Side, Side]]:
    """Run both servers on one processor, and this process on another, where there are two."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[0]})
    with ExitStack() as stack:
        one, other = (stack.enter_context(_running(name, processors[-1])) for name in names)
        yield one, other
    os.sched_setaffinity(0, processors)


@contextmanager
def _running(name: str, processor: int) -> Iterator[Side]:
    command = [sys.executable, "-m", "tests.benchmarks.sides", name]
    process = subprocess.Popen(  # noqa: S603 - this very file
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        os.sched_setaffinity(process.pid, {processor})
        yield Side(name, port, process.pid)
        process.stdin.close()


if __name__ == "__main__":
    serve: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "director": _serve_director,
        "metered": partial(_serve_director, metrics_port=0),
        "floor": _serve_floor,
    }
    is_ours = sys.argv[1] != "floor"
    if is_ours:  # as `start` does it, which serves until it is stopped by a signal
        memory.expect_large_messages()
    with asyncio.Runner(loop_factory=quick_loop() if is_ours else None) as runner:
        runner.run(serve[sys.argv[1]]())
