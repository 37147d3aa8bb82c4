"""What is under way when a server is told to stop may end within the grace, or leaves nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import grpc
import pytest

from director.director import Director
from director.storage.state import open_state
from director.transport.server import DirectorGRPCServer
from protos import director_pb2
from tests.director.house import ARCHIVE
from tests.director.transport.served import Served, served
from tests.director.transport.test_real_director import Peer, peer, upload

pytestmark = pytest.mark.wire

Uploading = asyncio.Future[director_pb2.SetNewExperimentResponse]


class Line:
    """An upload that its test holds back: half of it is sent, and the rest when it is told to."""

    def __init__(self) -> None:
        self._rest = asyncio.Event()
        self.begun = asyncio.Event()

    async def messages(self) -> AsyncIterator[director_pb2.ExperimentInfo]:
        first, *rest = upload(ARCHIVE, to=("env-1",), chunk_bytes=200)
        yield first
        self.begun.set()
        await self._rest.wait()
        for message in rest:
            yield message

    def send_the_rest(self) -> None:
        self._rest.set()


@asynccontextmanager
async def kept(folder: Path, *, grace_s: float = 10) -> AsyncIterator[Served]:
    """A server whose Director keeps its state in a folder."""

    def prepare(server: DirectorGRPCServer) -> None:
        server.grace_s = grace_s

    state = open_state(folder)
    try:
        async with served(
            director_cls=partial(Director, journal=state.journal, archives=state.archives),
            prepare=prepare,
        ) as it:
            yield it
    finally:
        state.release()


async def begun_upload(
    it: Served, alice: Peer, line: Line
) -> "asyncio.Future[director_pb2.SetNewExperimentResponse]":
    call = alice.director.SetNewExperiment(line.messages(), metadata=alice.metadata)
    uploading = asyncio.ensure_future(call)
    await line.begun.wait()
    director = it.server.director
    assert isinstance(director, Director)
    while not director.held()["uploads"]:  # noqa: ASYNC110 - the other end of a socket decides
        await asyncio.sleep(0.01)
    return uploading


async def test_an_upload_that_ends_within_the_grace_is_accepted_and_kept(tmp_path: Path) -> None:
    line = Line()
    serving = AsyncExitStack()
    it = await serving.enter_async_context(kept(tmp_path))
    async with peer(it, "alice") as alice:
        uploading = await begun_upload(it, alice, line)

        stopping = asyncio.create_task(serving.aclose())
        await asyncio.sleep(0.1)
        line.send_the_rest()

        response = await uploading
        assert isinstance(response, director_pb2.SetNewExperimentResponse)
        assert response.accepted
        await stopping

    async with kept(tmp_path) as again, peer(again, "alice") as alice:
        request = director_pb2.GetExperimentStatusRequest(experiment_name="brain-mri")
        told = await alice.director.GetExperimentStatus(request, metadata=alice.metadata)
        assert told.experiment_status == "in_progress"


async def test_an_upload_that_outlasts_the_grace_is_told_to_come_again_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    line = Line()
    serving = AsyncExitStack()
    it = await serving.enter_async_context(kept(tmp_path, grace_s=0.1))
    async with peer(it, "alice") as alice:
        uploading = await begun_upload(it, alice, line)

        await serving.aclose()

        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await uploading
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        assert list((tmp_path / "blobs").iterdir()) == []
