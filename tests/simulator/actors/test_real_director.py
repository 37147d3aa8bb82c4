"""The peers with the Director that we ship, in memory: both sides keep to one contract."""

import asyncio
import base64
from collections import Counter
from functools import partial
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from director import Director
from director.clock import Clock
from director.offload import inline
from simulator.actors import canary, steps
from simulator.actors.steps import Misupload, MisuploadStep, Submit, SubmitStep
from simulator.actors.training import TrainingSpec
from simulator.history.calls import Call
from simulator.history.entry import Kind
from simulator.pki import Pki
from simulator.world import Impersonate, MisuploadMode, Pry, Slander
from tests.simulator.actors.house import EPOCH, House, housed


class LoopClock:
    """The time of day in a simulated run."""

    def now(self) -> float:
        return EPOCH + asyncio.get_running_loop().time()


CLOCK: Clock = LoopClock()

real = partial(housed, Director, envoy_health_check_period=2, clock=CLOCK, offload=inline)
SUBMIT = SubmitStep(submit=Submit(experiment="e1", to="all", chunk=16 * 2**10, rounds=3))


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


async def given_federation(house: House, *do: steps.Step, takes: str = "300ms") -> None:
    """Three envoys that wait, and alice with her steps; a second passes."""
    spec = TrainingSpec.model_validate({"takes": takes})
    for number in range(3):
        await house.envoy(f"hospital-{number}", training=spec).start()
    await house.observer().start()
    await house.frontend("alice", do).start()
    await asyncio.sleep(1)


def last(house: House, topic: str, actor: str) -> Call:
    return house.calls(topic, actor)[-1]


@pytest.mark.parametrize("mtls", [False, True])
async def test_a_federation_lives(pki: Pki, mtls: bool) -> None:  # noqa: FBT001
    songs = canary.songs()
    async with real(pki=pki if mtls else None) as house:
        follow = steps.FollowMetricsStep(follow_metrics=steps.FollowMetrics(experiment="e1"))
        fetch = steps.FetchModelStep(fetch_model=steps.FetchModel(experiment="e1", which="last"))
        await given_federation(house, SUBMIT, follow, fetch)
        await asyncio.sleep(20)

        (ended,) = house.notes("experiment.ended", "alice")
        assert ended.value["status"] == "finished"
        assert {call.kind for call in house.history.all_calls if call.code != "NOT_FOUND"} <= {
            Kind.OK,
            Kind.INFO,
        }
        metrics = last(house, "GetMetricStream", "alice").response["metrics"]
        assert isinstance(metrics, list)
        # Each of three collaborators measures three things a round, and their means are told too.
        assert len(metrics) == 3 * (3 * 3 + 3)
        losses = [m[3] for m in metrics if m[0] == "aggregator" and m[2] == "loss"]
        assert losses == sorted(losses, reverse=True)
        assert canary.songs() == songs


async def test_the_last_model_is_the_weighted_mean_of_what_was_sent() -> None:
    async with real() as house:
        end = steps.AwaitEndStep(await_end=steps.AwaitEnd(experiment="e1"))
        fetch = steps.FetchModelStep(fetch_model=steps.FetchModel(experiment="e1", which="last"))
        await given_federation(house, SUBMIT, end, fetch)
        await asyncio.sleep(20)

        final = [
            call.request
            for call in house.calls("SendLocalTaskResults")
            if call.request["task"] == "train" and call.request["round"] == 2
        ]
        weights = [int(str(request["data_size"])) for request in final]
        sent = [_values(request["tensors"]) for request in final]
        expected = np.average(sent, axis=0, weights=weights).astype(np.float32)
        tensors = last(house, "GetTrainedModel", "alice").response["tensors"]
        assert np.array_equal(_values(tensors), expected)


def _values(tensors: object) -> NDArray[np.float64]:
    assert isinstance(tensors, dict)
    content = base64.b64decode(tensors["weights"]["b64"])
    return np.frombuffer(content, dtype="<f4").astype(np.float64)


async def test_what_is_downloaded_is_what_was_uploaded_but_for_the_address() -> None:
    async with real() as house:
        await given_federation(house, SUBMIT)
        await asyncio.sleep(5)

        (upload,) = house.calls("SetNewExperiment", "alice")
        downloads = house.calls("GetExperimentData")
        assert len(downloads) == 3
        for download in downloads:
            assert download.response["members"] == upload.request["members"]
            assert download.response["plan_rest"] == upload.request["plan_rest"]
            network = download.response["network"]
            assert isinstance(network, dict)
            assert (network["agg_addr"], network["agg_port"]) == ("director", 50051)


@pytest.mark.parametrize("mode", get_args(MisuploadMode))
async def test_no_misupload_becomes_an_experiment(mode: MisuploadMode) -> None:
    songs = canary.songs()
    async with real() as house:
        step = MisuploadStep(misupload=Misupload(experiment="bad", mode=mode))
        listing = steps.ListStep(list=steps.ListExperiments())
        await given_federation(house, step, listing)
        await asyncio.sleep(5)

        assert not house.notes("experiment.accepted")
        assert last(house, "GetExperimentsList", "alice").response == {"experiments": []}
        codes = {call.code for call in house.calls("SetNewExperiment", "alice")}
        expected = {
            "cancelled": {"CANCELLED"},
            "deadline": {"DEADLINE_EXCEEDED"},
            "zip_bomb": {"RESOURCE_EXHAUSTED"},
        }
        assert codes == expected.get(mode, {"INVALID_ARGUMENT"})
        assert canary.songs() == songs


async def test_a_killed_envoy_comes_back_into_its_run() -> None:
    async with real() as house:
        await given_federation(house, SUBMIT, takes="6s")
        envoy = house.actor("hospital-1")
        await envoy.kill()
        await asyncio.sleep(5)
        await envoy.start()
        await asyncio.sleep(20)

        (ended,) = house.notes("experiment.ended", "alice")
        assert ended.value["status"] == "finished"
        assert len(house.notes("experiment.distributed", "hospital-1")) == 2


async def test_a_frozen_envoy_holds_its_run_up_until_it_thaws() -> None:
    async with real() as house:
        await given_federation(house, SUBMIT, takes="6s")
        envoy = house.actor("hospital-1")
        envoy.pause()
        await asyncio.sleep(10)
        assert not house.notes("experiment.ended", "alice")

        envoy.resume()
        await asyncio.sleep(20)

        (ended,) = house.notes("experiment.ended", "alice")
        assert ended.value["status"] == "finished"


async def test_a_training_that_breaks_fails_the_experiment() -> None:
    async with real() as house:
        spec = TrainingSpec.model_validate({"takes": "300ms", "fails": 1.0})
        await house.envoy("hospital-9", training=spec).start()
        await given_federation(house, SUBMIT)
        await asyncio.sleep(10)

        (ended,) = house.notes("experiment.ended", "alice")
        assert ended.value["status"] == "failed"
        # Everybody is told to quit, and waits again.
        waits = Counter(call.actor for call in house.calls("WaitExperiment") if call.invoked_at > 5)
        assert len(waits) == 4


async def test_neither_strangers_nor_slanderers_nor_impostors_get_anywhere(pki: Pki) -> None:
    async with real(pki=pki) as house:
        await given_federation(house, SUBMIT)
        await house.attack("tom", Pry(experiments=("e1", "never-was")))
        await house.attack("eve", Slander(experiments=("e1", "never-was")))
        await house.attack("mallory", Impersonate(victim="hospital-1"))
        await asyncio.sleep(20)

        (ended,) = house.notes("experiment.ended", "alice")
        assert ended.value["status"] == "finished"
        pried = {(c.request["experiment"], c.topic, c.code) for c in _calls_of(house, "tom")}
        assert {(topic, code) for name, topic, code in pried if name == "e1"} == {
            (topic, code) for name, topic, code in pried if name == "never-was"
        }
        slanders = house.calls("SetExperimentFailed", "eve")
        assert {c.kind for c in slanders} == {Kind.OK}
        assert {c.code for c in _calls_of(house, "eve") if c not in slanders} == {"NOT_FOUND"}
        refused = [c for c in _calls_of(house, "mallory") if c.topic != "GetDatasetInfo"]
        assert {c.code for c in refused if c.topic != "SetExperimentFailed"} <= {
            "PERMISSION_DENIED",
            "UNAUTHENTICATED",
        }


def _calls_of(house: House, actor: str) -> list[Call]:
    return [call for call in house.history.all_calls if call.actor == actor]
