"""Attackers who are not whom they should be, or meddle with what is not theirs."""

from typing import Annotated, Literal, Self

from pydantic import Field

from simulator.faults.attack import AttackBase
from simulator.faults.base import Cast, Settings
from simulator.world import Attack, BadCertificate, Impersonate, Knock, Pry, Slander


class Papers(Settings):
    """What the attacker shows."""

    certificate: Annotated[BadCertificate, Field(description="what is wrong with it")]


class Victims(Settings):
    """Whom the attacker claims to be."""

    victim: Annotated[
        tuple[str, ...] | str,
        Field(description="an envoy's id or '@group'; of several, one after the other"),
    ]


class Prey(Settings):
    """What the attacker is after."""

    experiments: Annotated[
        tuple[str, ...], Field(description="whose names it knows; left out: all of the scenario")
    ] = ()


class IdentityCertificate(AttackBase):
    """An attacker knocks at every RPC with a certificate that must not be let in (mtls only)."""

    type: Literal["identity.certificate"]
    with_: Papers = Field(alias="with")

    def attack(self, attacker: str, number: int) -> tuple[Attack, str]:
        del attacker, number
        return Knock(certificate=self.with_.certificate), self.with_.certificate.value

    def unsupported(self, *, world: str, director: str, identity: str) -> str | None:
        del world, director
        if identity == "mtls":
            return None
        return "there is no certificate to get wrong in plaintext: run it with identity: mtls"


class IdentityImpersonate(AttackBase):
    """An attacker calls the RPCs of envoys in a victim's name (mtls only)."""

    type: Literal["identity.impersonate"]
    with_: Victims = Field(alias="with")

    def attack(self, attacker: str, number: int) -> tuple[Attack, str]:
        del attacker
        victims = self.with_.victim
        names = (victims,) if isinstance(victims, str) else victims
        return Impersonate(victim=names[(number - 1) % len(names)]), "impersonate"

    def unsupported(self, *, world: str, director: str, identity: str) -> str | None:
        del world, director
        if identity == "mtls":
            return None
        return "in plaintext everybody is who they say they are: run it with identity: mtls"

    def completed(self, cast: Cast) -> Self:
        with_ = self.with_.model_copy(update={"victim": cast.envoys(self.with_.victim)})
        return self.model_copy(update={"with_": with_})


class IdentityPry(AttackBase):
    """An attacker asks for, and tries to remove, experiments of others and some that never were."""

    type: Literal["identity.pry"]
    with_: Prey = Field(default=Prey(), alias="with")

    def attack(self, attacker: str, number: int) -> tuple[Attack, str]:
        return Pry(experiments=_with_invention(self.with_, attacker, number)), "pry"

    def completed(self, cast: Cast) -> Self:
        return self.model_copy(update={"with_": _known(self.with_, cast)})


class IdentitySlander(AttackBase):
    """An attacker, not registered, heartbeats, waits, and reports others' experiments as failed."""

    type: Literal["identity.slander"]
    with_: Prey = Field(default=Prey(), alias="with")

    def attack(self, attacker: str, number: int) -> tuple[Attack, str]:
        return Slander(experiments=_with_invention(self.with_, attacker, number)), "slander"

    def completed(self, cast: Cast) -> Self:
        return self.model_copy(update={"with_": _known(self.with_, cast)})


def _with_invention(prey: Prey, attacker: str, number: int) -> tuple[str, ...]:
    """Add one that never was: the answers must not tell it from what is there."""
    return (*prey.experiments, f"{attacker}-never-was-{number}")


def _known(prey: Prey, cast: Cast) -> Prey:
    return prey if prey.experiments else Prey(experiments=cast.experiments)
