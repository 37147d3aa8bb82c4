"""A Director that runs elsewhere: reached or not, and known before anybody comes."""

import socket
from pathlib import Path

import grpc.aio
import pytest

from simulator.engine.fitting import fitted
from simulator.engine.hosting import authority_of
from simulator.engine.target import Owned, Stock, Target, TargetError
from simulator.pki import Pki
from simulator.scenario.load import load_text
from simulator.scenario.schema import DirectorConfig, DirectorSpec, Scenario
from tests.simulator.engine.hosts import hosted

pytestmark = pytest.mark.wire

CONFIG = {"heartbeat_period": "3s", "sample_shape": ["4", "4"], "target_shape": ["2"]}
THEIRS = DirectorSpec(config=DirectorConfig.model_validate(CONFIG))
WRITTEN = """
version: 1
name: small
clock: wire
director: {run: external, address: 'ADDRESS', config: {heartbeat_period: 1s}}
envoys: [{group: ward, count: 2}]
frontends:
  - {id: alice, do: [{submit: {experiment: e1, to: all}}]}
phases: [{name: calm, for: 1s}]
expect: {recover: {all_online_within: 5s}, slo: [envoy.comeback.max < 4s]}
"""


def scenario(address: str) -> Scenario:
    return load_text(WRITTEN.replace("ADDRESS", address), Path("small.yaml"))[0].scenario


async def refusal(address: str, pki: Pki | None = None) -> str:
    told = scenario(address)
    with pytest.raises(TargetError) as refused:
        await Target(told.director, pki).stock(told)
    return str(refused.value)


async def test_shapes_and_period_are_learnt_and_everybody_is_listed() -> None:
    async with hosted("wire", spec=THEIRS) as theirs:
        told = scenario(theirs.address)

        stock = await Target(told.director, None).stock(told)

    assert (stock.sample_shape, stock.target_shape) == (("4", "4"), ("2",))
    assert stock.heartbeat_period_s == 3
    assert [envoy["name"] for envoy in stock.envoys] == ["ward-1"]
    assert stock.leftovers == []


async def test_nobody_is_registered_anew_at_the_second_look() -> None:
    async with hosted("wire", spec=THEIRS) as theirs:
        told = scenario(theirs.address)
        target = Target(told.director, None)

        first, second = await target.stock(told), await target.stock(told)

    assert [envoy["name"] for envoy in second.envoys] == ["ward-1"]
    assert second.envoys[0]["description"] == first.envoys[0]["description"]


async def test_an_address_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert "nobody can be reached" in await refusal(f"127.0.0.1:{port}")


async def test_who_never_says_a_word_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        message = await refusal(f"127.0.0.1:{silent.getsockname()[1]}")

    assert "no call got through in plaintext" in message
    assert "--ca-cert" in message


async def test_a_server_of_something_else_is_no_director() -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        assert "it is no Director" in await refusal(f"127.0.0.1:{port}")
    finally:
        await server.stop(None)


async def test_plaintext_at_a_door_of_tls_is_told() -> None:
    async with hosted("wire", Pki()) as theirs:
        assert "no call got through in plaintext" in await refusal(theirs.address)


async def test_an_authority_that_the_director_does_not_trust_is_told() -> None:
    async with hosted("wire", Pki()) as theirs:
        assert "no call got through over TLS" in await refusal(theirs.address, Pki())


def test_a_key_that_is_not_the_authoritys_is_told(tmp_path: Path) -> None:
    certificate, key = tmp_path / "ca.crt", tmp_path / "ca.key"
    certificate.write_bytes(Pki().root_certificate)
    key.write_bytes(Pki().server().private_key)
    spec = DirectorSpec(
        run="external", address="localhost:1", ca_cert=str(certificate), ca_key=str(key)
    )
    told = scenario("localhost:1").model_copy(update={"identity": "mtls", "director": spec})

    with pytest.raises(TargetError, match="is not that of its certificate"):
        authority_of(told)


def test_nothing_begins_beside_an_experiment_of_the_same_name() -> None:
    left = Stock(
        sample_shape=("1",),
        target_shape=("1",),
        heartbeat_period_s=None,
        envoys=(),
        leftovers=[Owned(owner="alice", experiment="e1")],
    )

    with pytest.raises(TargetError, match=r"'e1' of alice.*--clean"):
        left.ensure_clear()


def test_a_slower_heart_is_given_as_much_more_time() -> None:
    stock = Stock(
        sample_shape=("4",),
        target_shape=("2",),
        heartbeat_period_s=3,
        envoys=(),
        leftovers=(),
    )

    told = fitted(scenario("localhost:1"), stock)

    assert told.director.config.heartbeat_period == 3
    assert told.director.config.sample_shape == ("4",)
    assert told.expect.recover.all_online_within == 15
    assert [str(slo) for slo in told.expect.slo] == ["envoy.comeback.max < 12s"]
