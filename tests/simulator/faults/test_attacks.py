"""Attackers: one comes in at each firing, and is told what to do."""

from typing import get_args

import pytest

from simulator.faults.base import Cast, Firing
from simulator.faults.selector import Kind, Member, UnknownTargetError
from simulator.world import (
    Attack,
    BadCertificate,
    Impersonate,
    Knock,
    Misupload,
    MisuploadMode,
    Pry,
    Slander,
)
from tests.simulator.fake_world import FakeWorld
from tests.simulator.faults.faults import attack

CAST = Cast(
    roster=tuple(Member(id=f"h-{i}", kind=Kind.ENVOY, group="hospital") for i in (1, 2)),
    experiments=("e1", "e2"),
)


async def _attacks(type_: str, firings: int, with_: object = None) -> list[Attack]:
    world = FakeWorld()
    fault = attack(type_, **({} if with_ is None else {"with_": with_})).completed(CAST)
    for number in range(1, firings + 1):
        async with fault.inject(world, ["mallory"], Firing(number=number)):
            pass
    assert [actor for _, actor, _ in world.attacks] == ["mallory"] * firings
    assert len(world.noted("fault.touch")) == firings
    return [attack for _, _, attack in world.attacks]


async def test_misuses_come_one_after_the_other() -> None:
    attacks = await _attacks("upload.misuse", 3, {"modes": ["not_zip", "zip_bomb"]})

    assert attacks == [
        Misupload(experiment="mallory-1", mode="not_zip"),
        Misupload(experiment="mallory-2", mode="zip_bomb"),
        Misupload(experiment="mallory-3", mode="not_zip"),
    ]


async def test_every_misuse_has_its_turn_where_none_is_named() -> None:
    modes = get_args(MisuploadMode)

    attacks = await _attacks("upload.misuse", len(modes))

    assert [attack.mode for attack in attacks if isinstance(attack, Misupload)] == list(modes)


@pytest.mark.parametrize("certificate", list(BadCertificate))
async def test_a_bad_certificate_knocks(certificate: BadCertificate) -> None:
    attacks = await _attacks("identity.certificate", 1, {"certificate": certificate.value})

    assert attacks == [Knock(certificate=certificate)]


def test_there_is_no_bad_certificate_in_plaintext() -> None:
    knock = attack("identity.certificate", with_={"certificate": "expired"})

    plaintext = knock.unsupported(world="virtual", director="inprocess", identity="plaintext")
    mtls = knock.unsupported(world="virtual", director="inprocess", identity="mtls")

    assert plaintext is not None
    assert "mtls" in plaintext
    assert mtls is None


async def test_victims_are_impersonated_in_turn() -> None:
    attacks = await _attacks("identity.impersonate", 3, {"victim": "@hospital"})

    assert attacks == [
        Impersonate(victim="h-1"),
        Impersonate(victim="h-2"),
        Impersonate(victim="h-1"),
    ]


def test_a_victim_must_be_there() -> None:
    with pytest.raises(UnknownTargetError, match="h-9"):
        attack("identity.impersonate", with_={"victim": "h-9"}).completed(CAST)


async def test_who_pries_knows_all_experiments_and_an_invention() -> None:
    attacks = await _attacks("identity.pry", 2)

    assert attacks == [
        Pry(experiments=("e1", "e2", "mallory-never-was-1")),
        Pry(experiments=("e1", "e2", "mallory-never-was-2")),
    ]


async def test_who_slanders_may_be_after_certain_experiments_only() -> None:
    attacks = await _attacks("identity.slander", 1, {"experiments": ["e2"]})

    assert attacks == [Slander(experiments=("e2", "mallory-never-was-1"))]
