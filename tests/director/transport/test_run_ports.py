"""Runs on the ports that their plans fix: opened, shared, closed again, and refused."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest

from director.director import Director
from director.settings import Settings
from director.workspace import federation_id
from protos import director_pb2
from tests.director.house import plan_of
from tests.director.transport.served import (
    OPTIONS,
    Served,
    aggregator_stub,
    channel_credentials,
    served,
)
from tests.director.transport.test_real_director import WEIGHTS, Peer, peer, upload
from tests.director.workspace.archives import PLAN, with_plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.wire

real = partial(
    served,
    director_cls=Director,
    envoy_health_check_period=1,
    # After its end a run's port stays open for 2 s.
    settings=Settings(aggregator_port="plan", offline_grace_s=0),
)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def archive(port: int | str) -> bytes:
    return with_plan(PLAN.replace("agg_port: auto", f"agg_port: {port}"))


@asynccontextmanager
async def collaborator(it: Served, name: str, port: int) -> AsyncIterator[Peer]:
    """A peer whose aggregator is on a port of its own."""
    target = f"localhost:{port}"
    if it.server.tls:
        credentials = channel_credentials(it.pki.client(name))
        channel = grpc.aio.secure_channel(target, credentials, options=OPTIONS)
    else:
        channel = grpc.aio.insecure_channel(target, options=OPTIONS)
    async with peer(it, name) as plain, channel as opened:
        yield Peer(name, plain.director, aggregator_stub(opened))


async def submit(alice: Peer, port: int | str, name: str = "brain-mri") -> None:
    uploaded = upload(archive(port), name=name, to=("env-1",))
    await alice.director.SetNewExperiment(uploaded, metadata=alice.metadata)


async def joined(one: Peer, name: str = "brain-mri") -> str:
    assert await one.wait() == name
    return plan_of(await one.download(name))


async def described(alice: Peer, name: str = "brain-mri") -> tuple[str, str]:
    """Return an experiment's status, and why it ended."""
    response = await alice.director.GetExperimentDescription(
        director_pb2.GetExperimentDescriptionRequest(name=name), metadata=alice.metadata
    )
    logs = response.experiment.download_statuses.logs
    return response.experiment.status, "".join(log.status for log in logs)


def is_open(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("localhost", port)) == 0


@pytest.mark.parametrize("tls", [False, True])
async def test_collaborators_work_on_the_port_that_the_plan_fixes(*, tls: bool) -> None:
    port = free_port()
    async with (
        real(tls=tls) as it,
        collaborator(it, "env-1", port) as one,
        peer(it, "alice") as alice,
    ):
        await one.register()
        await submit(alice, port)
        plan = await joined(one)
        await one.collaborate(federation_id(plan))

        assert f"agg_port: {port}" in plan
        kinds = director_pb2.GetTrainedModelRequest
        assert await alice.model(kinds.LAST_MODEL) == (WEIGHTS + 3).astype("<f4").tobytes()
        assert await described(alice) == ("finished", "")


async def test_a_port_is_closed_a_while_after_its_run() -> None:
    port = free_port()
    async with real() as it, peer(it, "env-1") as one, peer(it, "alice") as alice:
        await one.register()
        await submit(alice, port)
        await joined(one)
        assert is_open(port)

        await alice.director.RemoveExperimentData(
            director_pb2.RemoveExperimentRequest(experiment_name="brain-mri"),
            metadata=alice.metadata,
        )
        await asyncio.sleep(0.5)
        is_there_for_quits = is_open(port)
        await asyncio.sleep(2.5)

        assert is_there_for_quits
        assert not is_open(port)


async def test_two_runs_may_share_a_port() -> None:
    port = free_port()
    async with real() as it, collaborator(it, "env-1", port) as one, peer(it, "alice") as alice:
        await one.register()
        await submit(alice, port, "first")
        await submit(alice, port, "second")
        first = await joined(one, "first")
        await one.collaborate(federation_id(first))
        await asyncio.sleep(3)
        second = await joined(one, "second")
        await one.collaborate(federation_id(second))

        assert await described(alice, "first") == ("finished", "")
        assert await described(alice, "second") == ("finished", "")


async def test_a_plan_without_a_port_leads_to_the_directors_own() -> None:
    async with real() as it, peer(it, "env-1") as one, peer(it, "alice") as alice:
        await one.register()
        await submit(alice, "auto")
        plan = await joined(one)
        await one.collaborate(federation_id(plan))

        assert f"agg_port: {it.server.port}" in plan
        assert await described(alice) == ("finished", "")


async def test_a_port_that_cannot_be_had_fails_the_experiment_and_tells_why() -> None:
    async with served() as other, real() as it, peer(it, "alice") as alice:
        port = other.server.port
        await submit(alice, port)
        await asyncio.sleep(0.5)

        assert await described(alice) == (
            "failed",
            f"the plan's port {port} cannot be listened on: it is in use, or forbidden",
        )


async def test_no_port_outlives_its_server() -> None:
    port = free_port()
    async with real() as it, peer(it, "env-1") as one, peer(it, "alice") as alice:
        await one.register()
        await submit(alice, port)
        await joined(one)

    assert not is_open(port)


async def test_by_default_collaborators_come_to_the_directors_own_port() -> None:
    async with (
        served(director_cls=Director) as it,
        peer(it, "env-1") as one,
        peer(it, "alice") as alice,
    ):
        await one.register()
        await submit(alice, free_port())

        assert f"agg_port: {it.server.port}" in await joined(one)
