"""The scenario file as a value: who is there, what goes wrong, and what must hold.

These models decode one case, after `${params}` have been filled in; they know no positions.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from director.settings import Limits, QuorumSetting
from simulator.actors.profile import PROFILES
from simulator.actors.steps import Step, SubmitStep
from simulator.actors.training import TrainingSpec
from simulator.checkers.expect import Expect
from simulator.faults import Fault
from simulator.faults.base import Cast, Name, misfit
from simulator.faults.selector import Kind, Member
from simulator.faults.weather import Weather
from simulator.scenario.problem import closest
from simulator.units import Duration, Size

Clock = Literal["virtual", "wire"]
Identity = Literal["plaintext", "mtls"]
Run = Literal["inprocess", "subprocess", "external"]

_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[0-9A-Fa-f:.%]+\]):(?P<port>[0-9]{1,5})")
_PORTS = range(1, 2**16)
_POLICIES = ("quorum", "offline_grace", "below_quorum", "straggler_cutoff", "retention")
"""What only whoever runs a Director can tell it."""

RESERVED_PHASES = ("recover", "done")
"""What follows the phases of a scenario, in every run."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _known_profile(name: str) -> str:
    if name not in PROFILES:
        message = f"there is no behaviour profile {name!r} (known: {', '.join(PROFILES)})"
        raise misfit(message, suggestion=closest(name, PROFILES))
    return name


Profile = Annotated[str, AfterValidator(_known_profile), WithJsonSchema({"enum": sorted(PROFILES)})]
"""How a peer behaves, by the name of its behaviour profile."""


# ---------------------------------------------------------------- the Director


class Retention(_Part):
    """For how long the Director keeps what has ended; left out: until its owner removes it."""

    max_age: Annotated[Duration, Field(gt=0)] | None = None
    """It is removed, models and metrics included, so long after its end."""
    max_size: Annotated[Size, Field(gt=0)] | None = None
    """What ended first is removed while archives, models and metrics take more than this."""


class DirectorConfig(_Part):
    """What the Director under test is told."""

    heartbeat_period: Annotated[Duration, Field(gt=0)] = 10.0
    sample_shape: Annotated[tuple[str, ...], Field(min_length=1)] = ("1",)
    target_shape: Annotated[tuple[str, ...], Field(min_length=1)] = ("1",)
    quorum: QuorumSetting = Field(default="majority", validate_default=True)
    """So many have to report for a round to go on without the dead: `majority`, `all`, 3, `60%`."""
    offline_grace: Duration | None = None
    """An offline collaborator counts as dead after this; left out: four heartbeat periods."""
    below_quorum: Duration = 600.0
    """An experiment fails once so many are dead for so long that no round can close."""
    straggler_cutoff: Annotated[Duration, Field(gt=0)] | None = None
    """Rounds do not wait longer than this for slow collaborators; left out: as long as it takes."""
    retention: Retention = Retention()

    @property
    def dead_after(self) -> float:
        """After how much silence a collaborator is dead."""
        valid_s = 2 * self.heartbeat_period
        return valid_s + (2 * valid_s if self.offline_grace is None else self.offline_grace)


class Review(_Part):
    """A reviewer who looks at each experiment before it runs; globs of experiments' names."""

    takes: Duration = 0.0
    reject: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    """Where the reviewer itself fails with an exception."""


class DirectorSpec(_Part):
    """The Director under test, and where it runs."""

    run: Run = "inprocess"
    config: DirectorConfig = DirectorConfig()
    limits: Limits = Limits()
    review: Review | None = None
    command: tuple[str, ...] = ()
    """Of a subprocess; left out: our own `director start`."""
    address: str | None = None
    """host:port of an external one."""
    ca_cert: str | None = None
    """PEM file of the authority that an external one trusts: it issues everybody's certificates."""
    ca_key: str | None = None
    """PEM file of that authority's key, without a password."""

    @model_validator(mode="after")
    def _runs_somewhere(self) -> "DirectorSpec":
        if self.run == "external" and self.address is None:
            raise misfit("an external Director needs its address: '127.0.0.1:50051'")
        if self.run == "external" and not is_address(self.address or ""):
            message = f"{self.address!r} is not HOST:PORT, such as '127.0.0.1:50051'"
            raise misfit(message, "address")
        if self.run != "external" and self.address is not None:
            raise misfit(f"'address' is for run: external, not for {self.run}", "address")
        if self.run != "external" and (self.ca_cert or self.ca_key):
            raise misfit(f"'ca_cert' and 'ca_key' are for run: external, not for {self.run}")
        if (self.ca_cert is None) != (self.ca_key is None):
            raise misfit("'ca_cert' and 'ca_key' are of use together only")
        if self.run != "subprocess" and self.command:
            raise misfit(f"'command' is for run: subprocess, not for {self.run}", "command")
        for key in ("review", "limits"):
            if self.run != "inprocess" and key in self.model_fields_set:
                raise misfit(f"{key!r} is for run: inprocess, not for {self.run}", key)
        for key in _POLICIES:
            if self.run == "external" and key in self.config.model_fields_set:
                message = f"{key!r} cannot be told to a Director that runs elsewhere"
                raise misfit(message, "config", key)
        if self.run == "subprocess" and self.config.heartbeat_period % 1:
            message = "'director start' takes a heartbeat period of whole seconds"
            raise misfit(message, "config", "heartbeat_period")
        return self


def is_address(written: str) -> bool:
    """Whether a text is HOST:PORT; an IPv6 host stands in brackets."""
    match = _ADDRESS.fullmatch(written)
    return match is not None and int(match["port"]) in _PORTS


# ---------------------------------------------------------------- who is there


class Join(_Part):
    """When the envoys of a group arrive."""

    after: Duration = 0.0
    spread: Duration = 0.0
    """Each at a moment of its own within so long."""


_NUMBER = re.compile(r"\{i(:0?\d+)?\}")


def _template(text: str) -> str:
    if "{" in _NUMBER.sub("", text) or "}" in _NUMBER.sub("", text):
        raise misfit(f"{text!r} is not an id: the only placeholder is {{i}}, or {{i:02}}")
    return text


class EnvoyGroup(_Part):
    """Envoys that are alike."""

    group: Name
    count: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    id: Annotated[str, AfterValidator(_template), Field(min_length=1)] = ""
    """With `{i}` for the envoy's number from 1; left out: the group's name and the number."""
    client: Profile = "robust"
    labels: Mapping[str, str | Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """A list is dealt round-robin."""
    join: Join = Join()
    training: TrainingSpec = TrainingSpec()

    @model_validator(mode="after")
    def _has_ids(self) -> "EnvoyGroup":
        if self.id and self.count > 1 and not _NUMBER.search(self.id):
            raise misfit(f"{self.count} envoys cannot all be {self.id!r}: write {{i}} in it", "id")
        return self

    def members(self) -> tuple[Member, ...]:
        """Return its envoys, in order."""
        template = self.id or f"{self.group}-{{i}}"
        return tuple(
            Member(
                id=template.format(i=number),
                kind=Kind.ENVOY,
                group=self.group,
                labels={
                    key: dealt if isinstance(dealt, str) else dealt[(number - 1) % len(dealt)]
                    for key, dealt in self.labels.items()
                },
            )
            for number in range(1, self.count + 1)
        )


class FrontendSpec(_Part):
    """A user, and what they do, in order."""

    id: Name
    start: Duration = 0.0
    client: Profile = "robust"
    do: tuple[Step, ...] = ()


# ---------------------------------------------------------------- when


class Phase(_Part):
    """A stretch of the run."""

    name: Name
    lasts: Annotated[Duration, Field(alias="for", gt=0)]


# ---------------------------------------------------------------- all of it


class Scenario(_Part):
    """One case of a scenario file."""

    version: Literal[1]
    name: Name
    title: str = ""
    doc: str = ""
    tags: tuple[str, ...] = ()

    seed: Annotated[int | None, Field(ge=0, description="left out: drawn, and printed")] = None
    clock: Clock = "virtual"
    timeout: Annotated[Duration, Field(gt=0)] = 900.0
    """On the clock of the run."""
    recover: Duration = 60.0
    """After the last phase: all faults off, liveness is judged."""

    director: DirectorSpec = DirectorSpec()
    identity: Identity = "plaintext"
    envoys: tuple[EnvoyGroup, ...] = ()
    frontends: tuple[FrontendSpec, ...] = ()
    network: Weather = Weather()

    phases: tuple[Phase, ...] = ()
    faults: tuple[Fault, ...] = ()
    expect: Expect = Expect()
    xfail: bool = False
    """It must fail: kept as the reproduction of a bug."""

    @property
    def phases_s(self) -> float:
        """How long the phases last together."""
        return sum(phase.lasts for phase in self.phases)

    def roster(self) -> tuple[Member, ...]:
        """Return everybody who takes part, envoys first, in the order of the file."""
        envoys = [member for group in self.envoys for member in group.members()]
        users = [Member(id=user.id, kind=Kind.FRONTEND) for user in self.frontends]
        return (*envoys, *users)

    def experiments(self) -> tuple[str, ...]:
        """Return the names of the experiments that frontends submit, in the order of the file."""
        return tuple(dict.fromkeys(name for _, name in self._submitted()))

    def owned(self) -> tuple[tuple[str, str], ...]:
        """Return (owner, experiment) of each upload that frontends make."""
        return tuple(dict.fromkeys(self._submitted()))

    def cast(self) -> Cast:
        """Return what faults may know of the rest."""
        return Cast(roster=self.roster(), experiments=self.experiments())

    def _submitted(self) -> Iterator[tuple[str, str]]:
        for user in self.frontends:
            for step in user.do:
                if isinstance(step, SubmitStep):
                    yield user.id, step.submit.experiment
