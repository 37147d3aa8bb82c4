"""Uploads that their own client gets wrong, carelessly or on purpose."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from simulator.faults.attack import AttackBase, experiment_of
from simulator.faults.base import Settings
from simulator.world import Attack, Misupload, MisuploadMode


class Misuses(Settings):
    """What is got wrong."""

    modes: Annotated[
        tuple[MisuploadMode, ...],
        Field(min_length=1, description="one after the other, a firing each; left out: all"),
    ] = get_args(MisuploadMode)


class UploadMisuse(AttackBase):
    """An attacker uploads what must be refused: empty, lying, inconsistent, evil or cut short."""

    type: Literal["upload.misuse"]
    with_: Misuses = Field(default=Misuses(), alias="with")

    def attack(self, attacker: str, number: int) -> tuple[Attack, str]:
        modes = self.with_.modes
        mode = modes[(number - 1) % len(modes)]
        return Misupload(experiment=experiment_of(attacker, number), mode=mode), mode
