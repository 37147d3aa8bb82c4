"""The peers on real sockets: what a client does there is what it does in memory."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from director import Director
from simulator.actors import steps
from simulator.actors.steps import Misupload, MisuploadStep, Submit, SubmitStep
from simulator.actors.training import TrainingSpec
from simulator.history.entry import Kind
from simulator.network.wire import WireNetwork
from simulator.world import BadCertificate, Knock
from tests.director.transport.served import served
from tests.simulator.actors.house import House

pytestmark = pytest.mark.wire

FOLLOW = steps.FollowMetricsStep(follow_metrics=steps.FollowMetrics(experiment="e1"))
FETCH = steps.FetchModelStep(fetch_model=steps.FetchModel(experiment="e1", which="best"))


@asynccontextmanager
async def wired(*, tls: bool = False) -> AsyncIterator[House]:
    """A house on loopback."""
    async with served(
        tls=tls,
        director_cls=Director,
        envoy_health_check_period=1,
        sample_shape=["8"],
        target_shape=["1"],
    ) as there:
        address = f"localhost:{there.server.port}"
        network = WireNetwork(address)
        pki = there.pki if tls else None
        house = House(network, there.server.director, pki=pki, address=address)
        try:
            yield house
        finally:
            await house.leave()
            await network.close()


async def given_federation(house: House, *do: steps.Step, takes: str = "200ms") -> None:
    spec = TrainingSpec.model_validate({"takes": takes})
    for name in ("a", "b"):
        await house.envoy(name, training=spec).start()
    await house.frontend("alice", do).start()


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; the test's own timeout is the limit."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.05)


def submit(rounds: int = 2) -> SubmitStep:
    return SubmitStep(submit=Submit(experiment="e1", to="all", chunk=16 * 2**10, rounds=rounds))


@pytest.mark.parametrize("tls", [False, True])
async def test_a_federation_lives_on_sockets(tls: bool) -> None:  # noqa: FBT001
    async with wired(tls=tls) as house:
        await given_federation(house, submit(), FOLLOW, FETCH)
        await until(partial(house.notes, "experiment.ended", "alice"))
        await until(partial(house.calls, "GetTrainedModel", "alice"))

        (ended,) = house.notes("experiment.ended", "alice")
        assert ended.value["status"] == "finished"
        assert {call.kind for call in house.history.all_calls if call.completed_at} == {Kind.OK}


async def test_an_envoy_is_killed_in_a_round_and_comes_back_into_it() -> None:
    async with wired() as house:
        await given_federation(house, submit(1), takes="1s")
        await until(partial(house.notes, "training.started", "a"))
        envoy = house.actor("a")
        await envoy.kill()
        # A process takes its sockets along; here what still holds them is collected first.
        gc.collect()
        await until(lambda: house.network.link("a").connection == 2)
        await envoy.start()
        await until(partial(house.notes, "experiment.ended", "alice"))

        (ended,) = house.notes("experiment.ended", "alice")
        assert ended.value["status"] == "finished"
        one, two = house.calls("UpdateShardInfo", "a")
        assert (one.request["connection"], two.request["connection"]) == (1, 2)


async def test_a_killed_peer_leaves_nothing_of_its_own_behind() -> None:
    async with wired() as house:
        await given_federation(house, submit(), FOLLOW, takes="5s")
        await until(partial(house.notes, "training.started", "a"))

        for actor in house.actors():
            await actor.kill()

        assert {call.code for call in house.calls("GetMetricStream")} == {"KILLED"}
        assert all(call.completed_at is not None for call in house.history.all_calls)
        assert house.network.open_calls() == 0


async def test_who_hangs_up_and_who_is_late_is_told_apart_on_sockets() -> None:
    async with wired() as house:
        uploads = [
            MisuploadStep(misupload=Misupload(experiment=mode, mode=mode))
            for mode in ("cancelled", "deadline")
        ]
        await given_federation(house, *uploads, steps.ListStep(list=steps.ListExperiments()))
        await until(partial(house.calls, "GetExperimentsList", "alice"))
        await until(lambda: house.calls("GetExperimentsList", "alice")[0].completed_at)

        assert [call.code for call in house.calls("SetNewExperiment", "alice")] == [
            "CANCELLED",
            "DEADLINE_EXCEEDED",
        ]
        (listing,) = house.calls("GetExperimentsList", "alice")
        assert listing.response == {"experiments": []}
        # What is said in a call ends with it: asyncio complains of what is left to its collector.
        assert not [task for task in asyncio.all_tasks() if "_consume_request" in repr(task)]


@pytest.mark.parametrize("certificate", list(BadCertificate))
async def test_nobody_gets_in_with_a_bad_certificate_on_sockets(
    certificate: BadCertificate,
) -> None:
    async with wired(tls=True) as house:
        await house.attack("mallory", Knock(certificate=certificate))

        is_nameless = certificate is BadCertificate.NO_COMMON_NAME
        code = "UNAUTHENTICATED" if is_nameless else "UNAVAILABLE"
        mine = [call for call in house.history.all_calls if call.actor == "mallory"]
        assert {call.code for call in mine} == {code}
