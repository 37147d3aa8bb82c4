"""What a run is expected to keep: the `expect` part of a scenario, decoded and checked.

Nothing here judges; every mistake is found when the scenario is loaded.
"""

# mypy: disable-error-code="explicit-any"
# pydantic's model classes count as such to mypy.

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from simulator.checkers.slo import Slo, parse_slo
from simulator.units import Duration

Guarantee = Literal[
    "registry",
    "presence",
    "unknown-heartbeat",
    "monotone",
    "archive-identity",
    "no-bad-accept",
    "no-residue",
    "targeting",
    "delivery-once",
    "status-machine",
    "failure-report",
    "ownership",
    "metrics",
    "model",
    "names",
    "binding",
    "tls",
    "errors",
    "alive",
    "leak",
    "no-foreign-code",
    "durability",
    "all-online",
    "experiments-end",
    "delivery",
    "answered",
    "streams-end",
    "no-blocking",
    "comeback",
    "no-storm",
    "throughput",
]
"""The promises of a Director, by name, in the order in which they are judged."""

ValidityCheck = Literal["faults-fired", "traffic", "calm-healthy", "reached", "harness-awake"]
"""What makes a run mean something, by name."""

GUARANTEES: tuple[Guarantee, ...] = get_args(Guarantee)
VALIDITY_CHECKS: tuple[ValidityCheck, ...] = get_args(ValidityCheck)

Outcome = Literal["finished", "failed", "rejected", "removed", "in_progress"]
"""How an experiment stands at the end; rejected: its upload was refused, or its review was."""

Event = Literal[
    "actor.start",
    "actor.kill",
    "actor.pause",
    "actor.resume",
    "actor.stop",
    "director.start",
    "director.stop",
    "director.kill",
    "download.chunk",
    "download.done",
    "envoy.dead",
    "envoy.registered",
    "envoy.reregistered",
    "experiment.accepted",
    "experiment.refused",
    "experiment.distributed",
    "experiment.ended",
    "fault.open",
    "fault.close",
    "fault.touch",
    "round.started",
    "training.started",
    "training.done",
]
"""What a scenario may ask to have happened: the topics of notes."""

Objective = Annotated[
    Slo,
    BeforeValidator(parse_slo),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "examples": ["rpc.UpdateEnvoyStatus.latency.p99 < 250ms"],
            "pattern": r"^\s*[\w.]+\s*(<=|>=|<|>)\s*\d+(\.\d+)?\s*(ms|s|m|h|%|/s)?\s*$",
        }
    ),
]
"""A service level, written `measure < bound`."""


Guarantees = Annotated[
    tuple[Guarantee, ...],
    BeforeValidator(lambda written: GUARANTEES if written == "all" else written),
    WithJsonSchema(
        {"anyOf": [{"const": "all"}, {"type": "array", "items": {"enum": list(GUARANTEES)}}]}
    ),
]
"""Several promises, or all of them."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Waiver(_Part):
    """A promise that this run does not hold anybody to, and the reason."""

    guarantee: Literal[Guarantee, ValidityCheck]
    why: Annotated[str, Field(min_length=1)]


class Recovery(_Part):
    """How fast things must be well again once all faults are off."""

    all_online_within: Duration | None = None
    """From the start of the recovery; four heartbeat periods where it is not said."""

    def paced(self, factor: float) -> "Recovery":
        """Return the same for a Director whose heartbeats are so much slower."""
        if self.all_online_within is None or factor <= 1:
            return self
        return self.model_copy(update={"all_online_within": self.all_online_within * factor})


class Coverage(_Part):
    """What must have happened for the run to prove anything; else it is inconclusive."""

    every_fault_fires: bool = True
    min_rpcs: Annotated[int, Field(ge=0)] = 1
    reached: tuple[Event, ...] = ()


class Expect(_Part):
    """Everything that must hold of a run."""

    guarantees: Guarantees = GUARANTEES
    waive: tuple[Waiver, ...] = ()
    outcomes: Mapping[Annotated[str, Field(min_length=1)], Outcome] = Field(default_factory=dict)
    """By glob of the experiment's name, or of `owner/name`; of several that match the last counts.
    """
    recover: Recovery = Recovery()
    slo: tuple[Objective, ...] = ()
    coverage: Coverage = Coverage()

    def paced(self, factor: float) -> "Expect":
        """Return what may be asked of a Director whose heartbeats are so much slower than meant.

        How soon it can know who lives follows from its period; nothing else is put off.
        """
        slo = tuple(each.paced(factor) for each in self.slo)
        return self.model_copy(update={"recover": self.recover.paced(factor), "slo": slo})

    def judges(self, guarantee: str) -> bool:
        """Whether the promise is looked at in this run, waived or not."""
        return guarantee in self.guarantees

    def waiver(self, guarantee: str) -> Waiver | None:
        """Return why nobody is held to the promise, where nobody is."""
        return next((waiver for waiver in self.waive if waiver.guarantee == guarantee), None)
