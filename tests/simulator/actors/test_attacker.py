"""Attackers: each does one bad thing under its own name, and leaves."""

import asyncio
from collections import Counter

import grpc
import pytest

from director.core.lifecycle import Status
from simulator.actors.steps import Submit, SubmitStep
from simulator.history.entry import Kind
from simulator.network.api import PASS, Message, Reject, Verdict
from simulator.pki import Pki
from simulator.world import (
    Attack,
    BadCertificate,
    Impersonate,
    Knock,
    Misupload,
    Pry,
    Slander,
    Upload,
)
from tests.simulator.actors.house import House, housed

ALL_RPCS = {
    "UpdateShardInfo",
    "UpdateEnvoyStatus",
    "WaitExperiment",
    "GetExperimentData",
    "SetExperimentFailed",
    "SetNewExperiment",
    "GetExperimentStatus",
    "GetExperimentsList",
    "GetExperimentDescription",
    "GetDatasetInfo",
    "GetTrainedModel",
    "GetMetricStream",
    "RemoveExperimentData",
    "GetEnvoys",
    "GetTasks",
    "GetAggregatedTensor",
    "SendLocalTaskResults",
}
ENVOY_RPCS = {
    "UpdateShardInfo",
    "UpdateEnvoyStatus",
    "WaitExperiment",
    "GetExperimentData",
    "SetExperimentFailed",
    "GetTasks",
    "GetAggregatedTensor",
    "SendLocalTaskResults",
}


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


async def given_victim(house: House) -> None:
    """An envoy that waits, and an experiment of alice's that nobody works at."""
    await house.envoy("hospital-01").start()
    submit = Submit(experiment="e1", to=("nobody",))
    await house.frontend("alice", [SubmitStep(submit=submit)]).start()
    await asyncio.sleep(1)


async def attacked(house: House, attack: Attack, *experiments: str) -> Counter[str]:
    """Let mallory attack; return how often it called each RPC."""
    await house.attacker("mallory", attack, experiments).perform()
    return Counter(call.topic for call in house.history.all_calls if call.actor == "mallory")


async def test_an_attacker_comes_and_leaves() -> None:
    async with housed() as house:
        await attacked(house, Pry(experiments=("e1",)))

        assert house.topics("mallory") == ["actor.start", "actor.stop"]
        (start,) = house.notes("actor.start", "mallory")
        assert (start.value["kind"], start.value["identity"]) == ("attacker", "mallory")
        assert house.network.open_calls() == 0
        assert len(asyncio.all_tasks()) == 1


async def test_an_upload_that_its_fault_leaves_alone_is_whole() -> None:
    async with housed() as house:
        await given_victim(house)
        await attacked(house, Upload(experiment="m1", size_bytes=32 * 2**10, chunk_bytes=8 * 2**10))

        (upload,) = house.calls("SetNewExperiment", "mallory")
        assert upload.request["intent"] == "whole"
        assert upload.request["collaborators"] == ["hospital-01"]
        assert upload.request["chunks"] == 5
        assert [n.value for n in house.notes("experiment.accepted", "mallory")] == [
            {"experiment": "m1", "code": "OK"}
        ]


async def test_a_misupload_is_refused_and_noted() -> None:
    async with housed() as house:
        await attacked(house, Misupload(experiment="m1", mode="not_zip"))

        (refused,) = house.notes("experiment.refused", "mallory")
        assert refused.value == {"experiment": "m1", "code": "INVALID_ARGUMENT"}


async def test_prying_asks_for_everything_of_everything() -> None:
    async with housed() as house:
        await given_victim(house)
        calls = await attacked(house, Pry(experiments=("e1", "never-was")))

        assert calls == dict.fromkeys(
            (
                "GetExperimentStatus",
                "GetExperimentDescription",
                "GetTrainedModel",
                "GetMetricStream",
                "RemoveExperimentData",
            ),
            2,
        )
        assert "e1" in house.director.runs


async def test_slander_comes_from_somebody_without_a_part_in_it() -> None:
    async with housed() as house:
        await given_victim(house)
        calls = await attacked(house, Slander(experiments=("e1", "never-was")))

        assert calls == {"UpdateEnvoyStatus": 1, "WaitExperiment": 1, "SetExperimentFailed": 2}
        (beat,) = house.calls("UpdateEnvoyStatus", "mallory")
        assert beat.code == "NOT_FOUND"
        reports = house.calls("SetExperimentFailed", "mallory")
        assert {report.request["name"] for report in reports} == {"mallory"}
        assert house.director.runs["e1"].status is Status.IN_PROGRESS


async def test_an_impostor_does_in_plaintext_all_that_its_victim_does() -> None:
    async with housed() as house:
        await given_victim(house)
        calls = await attacked(house, Impersonate(victim="hospital-01"), "e1")

        assert set(calls) == ENVOY_RPCS | {"GetDatasetInfo"}
        mine = [call for call in house.history.all_calls if call.actor == "mallory"]
        assert {call.request["as"] for call in mine} == {"hospital-01"}
        assert {call.request.get("name", "hospital-01") for call in mine} == {"hospital-01"}
        assert house.director.callers["report_heartbeat"] == {"hospital-01"}


async def test_an_impostor_under_tls_is_known_by_its_certificate(pki: Pki) -> None:
    async with housed(pki=pki) as house:
        await attacked(house, Impersonate(victim="hospital-01"), "e1")

        mine = [call for call in house.history.all_calls if call.actor == "mallory"]
        assert {call.request["as"] for call in mine} == {"mallory"}
        assert house.director.callers["report_shard"] == {"mallory"}


@pytest.mark.parametrize("certificate", list(BadCertificate))
async def test_nobody_gets_in_with_a_bad_certificate(pki: Pki, certificate: BadCertificate) -> None:
    async with housed(pki=pki) as house:
        calls = await attacked(house, Knock(certificate=certificate))

        assert set(calls) == ALL_RPCS
        mine = [call for call in house.history.all_calls if call.actor == "mallory"]
        # A certificate without a name is good for TLS: it is the Director who refuses it.
        is_nameless = certificate is BadCertificate.NO_COMMON_NAME
        code = "UNAUTHENTICATED" if is_nameless else "UNAVAILABLE"
        assert {call.code for call in mine} == {code}
        assert not house.director.calls
        nameless = certificate in {BadCertificate.MISSING, BadCertificate.NO_COMMON_NAME}
        assert {call.request["as"] for call in mine} == {"" if nameless else "mallory"}


async def test_good_clients_are_served_while_somebody_knocks(pki: Pki) -> None:
    async with housed(pki=pki) as house:
        await given_victim(house)
        await attacked(house, Knock(certificate=BadCertificate.EXPIRED))
        await asyncio.sleep(5)

        beats = house.calls("UpdateEnvoyStatus", "hospital-01")
        assert {call.kind for call in beats} == {Kind.OK}
        assert beats[0].request["as"] == "hospital-01"


async def test_the_world_lets_attackers_in() -> None:
    async with housed() as house:
        await house.attack("mallory", Pry(experiments=("e1",)))

        assert house.topics("mallory")[-1] == "actor.stop"


async def test_an_attacker_who_finds_nobody_names_nobody() -> None:
    async with housed() as house:

        def hide(message: Message) -> Verdict:
            hidden = Reject(grpc.StatusCode.UNAVAILABLE, "lost")
            return hidden if message.method == "GetEnvoys" else PASS

        with house.ruled(hide):
            await attacked(house, Misupload(experiment="m1", mode="no_plan"))

        (upload,) = house.calls("SetNewExperiment", "mallory")
        assert upload.request["collaborators"] == ["nobody"]
