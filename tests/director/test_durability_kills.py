"""A Director under load is killed again and again: whatever it had acknowledged is still there.

A dozen times in the suite; `SQUALL_KILLS=200 pytest tests/director/test_durability_kills.py` looks
longer.
"""

import asyncio
import os
import random
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest

from director.workspace import federation_id
from protos import aggregator_pb2, director_pb2
from tests.director.house import plan_of
from tests.director.transport.served import aggregator_stub, director_stub
from tests.director.transport.test_real_director import WEIGHTS, Peer, upload
from tests.director.workspace.archives import PLAN, with_plan

pytestmark = [pytest.mark.wire, pytest.mark.slow]

KILLS = int(os.environ.get("SQUALL_KILLS", "12"))
SEED = 4
LONG = "long"
ENDLESS = with_plan(PLAN.replace("rounds_to_train: 3", "rounds_to_train: 1000000"))


@dataclass
class Ledger:
    """What was acknowledged, and what may have happened although it was not."""

    envoys: list[str] = field(default_factory=list)
    accepted: list[tuple[str, str]] = field(default_factory=list)
    """Owner and name."""
    removing: list[tuple[str, str]] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)
    round: int = 0
    """A collaborator was told of it, so all before it have closed."""
    federation: str = ""
    """Under which its collaborator knows the endless run, once it does."""


@dataclass(frozen=True)
class Life:
    """One life of the Director, and a connection to it."""

    process: asyncio.subprocess.Process
    channel: grpc.aio.Channel
    log: list[str]

    def peer(self, name: str) -> Peer:
        return Peer(name, director_stub(self.channel), aggregator_stub(self.channel))


def free_port() -> int:
    """A port that nobody is given by chance while the Director is away."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("localhost", port))
            return port
    pytest.fail("there is no free port")


@asynccontextmanager
async def life(folder: Path, port: int) -> AsyncIterator[Life]:
    config = folder / "director.yaml"
    config.write_text(f"settings: {{listen_port: {port}}}", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from director.cli import main; main()"),
        *("start", "-c", str(config), "--disable-tls", "--state-dir", str(folder / "state")),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    log: list[str] = []
    while not log or "serving on" not in log[-1]:
        line = (await process.stderr.readline()).decode()
        assert line, "".join(log)
        log.append(line)
    reading = asyncio.ensure_future(process.stderr.read())
    try:
        async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
            yield Life(process, channel, log)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()
        await reading


# ---------------------------------------------------------------- load


async def repeatedly(step: Callable[[int], Awaitable[object]]) -> None:
    """Until the Director is gone."""
    with suppress(grpc.aio.AioRpcError):
        for number in range(1_000_000):
            await step(number)


async def load(here: Life, number: int, ledger: Ledger) -> None:
    owner = here.peer(f"owner-{number}")

    async def register(nth: int) -> None:
        name = f"env-{number}-{nth}"
        assert await here.peer(name).register()
        ledger.envoys.append(name)

    async def submit(nth: int) -> None:
        name = f"e-{number}-{nth}"
        call = owner.director.SetNewExperiment(
            upload(name=name, to=("nobody",)), metadata=owner.metadata
        )
        assert (await call).accepted
        ledger.accepted.append((owner.name, name))
        if nth % 2:
            ledger.removing.append((owner.name, name))
            request = director_pb2.RemoveExperimentRequest(experiment_name=name)
            gone = await owner.director.RemoveExperimentData(request, metadata=owner.metadata)
            assert gone.acknowledgement
            ledger.removed.append((owner.name, name))

    await asyncio.gather(
        repeatedly(register), repeatedly(submit), repeatedly(lambda _: train(here, ledger))
    )


async def train(here: Life, ledger: Ledger) -> None:
    """Do the tasks of the endless experiment's round."""
    envoy = here.peer("env-0")
    if not ledger.federation:
        await envoy.register()
        assert await envoy.wait() == LONG
        ledger.federation = federation_id(plan_of(await envoy.download(LONG)))
    federation = ledger.federation
    header = aggregator_pb2.MessageHeader(
        sender="env-0", receiver=f"aggregator_{federation}", federation_uuid=federation
    )
    told = await envoy.aggregator.GetTasks(aggregator_pb2.GetTasksRequest(header=header))
    assert not told.quit
    ledger.round = max(ledger.round, told.round_number)
    for task in told.tasks:
        await envoy._do(task, told.round_number, header)


async def acknowledged(ledger: Ledger, envoys: int, working: asyncio.Future[None]) -> None:
    """Wait until so many have registered, and everything has happened at least once."""
    while len(ledger.envoys) < envoys or not (ledger.removed and ledger.round):
        assert not working.done(), "the Director is gone already"
        await asyncio.sleep(0.005)


# ---------------------------------------------------------------- what must be there


async def examine(here: Life, ledger: Ledger) -> None:
    listed = await here.peer("x").director.GetEnvoys(director_pb2.GetEnvoysRequest())
    known = {info.shard_info.node_info.name for info in listed.envoy_infos}
    assert known >= set(ledger.envoys)
    for owner, name in ledger.accepted:
        status = await status_of(here.peer(owner), name)
        if (owner, name) in ledger.removed:
            assert status == "NOT_FOUND", f"{name} is back"
        elif (owner, name) not in ledger.removing:
            assert status in {"in_progress", "pending"}, f"{name} is lost: {status}"


async def examine_long(here: Life, ledger: Ledger) -> None:
    owner = here.peer("alice")
    described = await owner.director.GetExperimentDescription(
        director_pb2.GetExperimentDescriptionRequest(name=LONG), metadata=owner.metadata
    )
    closed = described.experiment.current_round
    assert (described.experiment.status, closed >= ledger.round) == ("in_progress", True)
    ledger.round = closed
    if closed:
        request = director_pb2.GetTrainedModelRequest(
            experiment_name=LONG, model_type=director_pb2.GetTrainedModelRequest.LAST_MODEL
        )
        answer = await owner.director.GetTrainedModel(request, metadata=owner.metadata)
        [tensor] = answer.model_proto.tensors
        # Each round adds one: the model tells by itself of how many rounds it is.
        assert np.array_equal(np.frombuffer(tensor.data_bytes, "<f4"), WEIGHTS + closed)


async def status_of(owner: Peer, name: str) -> str:
    request = director_pb2.GetExperimentStatusRequest(experiment_name=name)
    try:
        answer = await owner.director.GetExperimentStatus(request, metadata=owner.metadata)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return answer.experiment_status


@pytest.mark.timeout(60 + 20 * KILLS)
async def test_nothing_that_was_acknowledged_is_lost_to_kill_9(tmp_path: Path) -> None:
    port, ledger, dice = free_port(), Ledger(), random.Random(SEED)

    for number in range(KILLS + 1):
        async with life(tmp_path, port) as here:
            if number == 0:
                alice = here.peer("alice")
                call = alice.director.SetNewExperiment(
                    upload(ENDLESS, name=LONG, to=("env-0",)), metadata=alice.metadata
                )
                assert (await call).accepted
            else:
                assert re.search(r"recovered: \d+ experiments?", "".join(here.log))
            await examine(here, ledger)
            await examine_long(here, ledger)
            working = asyncio.ensure_future(load(here, number, ledger))
            await acknowledged(ledger, len(ledger.envoys) + dice.randint(1, 25), working)
            here.process.send_signal(signal.SIGKILL)
            await working

    async with life(tmp_path, port):
        assert list((tmp_path / "state" / "blobs").glob("unfinished-*")) == []
