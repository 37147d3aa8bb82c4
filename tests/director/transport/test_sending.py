"""Clients that take nothing of what is sent to them: they are let go of, and nobody else is."""

import asyncio
from functools import partial
from random import Random
from typing import Any

import grpc
import pytest

from director.director import Director
from director.errors import UnavailableError
from director.settings import Settings
from director.transport.chunks import Encoder
from director.transport.sending import sending
from protos import director_pb2
from tests.director.transport.served import Served, director_stub, served
from tests.director.transport.test_real_director import peer, upload
from tests.director.workspace.archives import with_plan

LARGE = with_plan(noise=Random(1).randbytes(8 * 2**20))

impatient = partial(served, director_cls=Director, settings=Settings(download_idle_s=1.5))


def streams(it: Served) -> int:
    director = it.server.director
    assert isinstance(director, Director)
    return director.held()["streams"]


async def until_streams(it: Served, count: int) -> None:
    async with asyncio.timeout(20):
        while streams(it) != count:  # noqa: ASYNC110 - the other end of a socket decides
            await asyncio.sleep(0.01)


@pytest.mark.wire
async def test_a_download_of_which_nothing_is_taken_is_ended_with_its_connection() -> None:
    async with impatient() as it, peer(it, "env-1") as one, it.channel() as stalled:
        await one.register()
        await one.director.SetNewExperiment(
            upload(LARGE, to=("env-1",), chunk_bytes=2**20), metadata=one.metadata
        )
        await one.download()
        stub = director_stub(stalled)
        beside = stub.GetMetricStream(
            director_pb2.GetMetricStreamRequest(experiment_name="brain-mri"), metadata=one.metadata
        )
        await until_streams(it, 1)
        request = director_pb2.GetExperimentDataRequest(
            experiment_name="brain-mri", collaborator_name="env-1"
        )
        download = stub.GetExperimentData(request)
        await until_streams(it, 2)

        await until_streams(it, 0)

        # What gRPC has been given to send goes only with the connection.
        with pytest.raises(grpc.aio.AioRpcError) as cut:
            await beside.read()
        assert cut.value.code() == grpc.StatusCode.UNAVAILABLE
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            async for _ in download:
                pass
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        assert await one.download()


class Client:
    """Takes a message every so often."""

    def __init__(self, *, every_s: float) -> None:
        self._every_s = every_s
        self.taken = 0

    async def write(self, message: bytes) -> None:
        del message
        await asyncio.sleep(self._every_s)
        self.taken += 1

    def peer(self) -> str:
        return "somewhere"


async def send_all(client: Client, *, within_s: float) -> None:
    context: Any = client
    async with sending(context, within_s=within_s) as sent:
        for _ in range(100):
            await sent.write(b"chunk")
            await asyncio.sleep(1)


async def test_a_slow_client_may_take_as_long_as_it_takes() -> None:
    client = Client(every_s=9)

    await send_all(client, within_s=10)

    assert client.taken == 100


async def test_a_client_that_takes_nothing_is_let_go_of_in_time() -> None:
    client = Client(every_s=1_000)

    with pytest.raises(UnavailableError, match="nothing for 10 s"):
        await send_all(client, within_s=10)

    assert asyncio.get_running_loop().time() == 10


async def test_an_error_while_sending_is_no_slow_client() -> None:
    context: Any = Client(every_s=1)

    with pytest.raises(TimeoutError):
        async with sending(context, within_s=10):
            raise TimeoutError


def test_those_who_are_sent_the_same_chunk_share_its_message() -> None:
    encoder, chunk = Encoder(), bytes(1_000)

    one, other = encoder.encoded(chunk), encoder.encoded(chunk)

    assert one is other
    assert one.message == director_pb2.ExperimentData(size=1_000, npbytes=chunk).SerializeToString()


@pytest.mark.parametrize("size", [1, 127, 128, 16_383, 16_384, 2_097_152])
def test_a_chunks_message_is_what_the_library_makes_of_it(size: int) -> None:
    chunk = Random(size).randbytes(size)

    message = Encoder().encoded(chunk).message

    assert director_pb2.ExperimentData.FromString(message).npbytes == chunk
    assert message == director_pb2.ExperimentData(size=size, npbytes=chunk).SerializeToString()
