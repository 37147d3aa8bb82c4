"""What every fault has in common: a frozen value, decoded from a scenario, that can be injected.

A new fault is one small class beside these, and one name in the union in `simulator.faults`.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Annotated, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.faults.holds import Holds
from simulator.faults.selector import Kind, Roster, Selector, recipients
from simulator.faults.when import At, During, Every, OnEvent, When
from simulator.network.api import PASS, Message, Rule, Verdict
from simulator.units import Share
from simulator.world import World

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
"""What actors, groups, phases and faults may be called, so that reports and globs can name them."""

EVERYBODY = (Kind.ENVOY, Kind.FRONTEND)


class Chance(StrEnum):
    """What `probability` is the probability of."""

    FIRING = "firing"
    """Drawn once for each firing, by the timeline: it happens or it does not."""
    MESSAGE = "message"
    """Drawn for each message that is in reach while the fault is open."""
    STREAM = "stream"
    """Drawn once for each stream of messages, at the first of them that is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One time that a fault is injected; the number counts a fault's firings from 1."""

    number: int = 1
    holds: Holds = field(default_factory=Holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """What a fault may need to know of the rest of its scenario."""

    roster: Roster = ()
    experiments: tuple[str, ...] = ()

    def envoys(self, to: str | tuple[str, ...]) -> tuple[str, ...]:
        """Return the envoys that a `to:`, or anything written like one, means."""
        return recipients(to, self.roster)


class Settings(BaseModel):
    """What stands under a fault's `with:`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FaultBase(BaseModel, ABC):
    """A misbehaviour: who, when, how likely; what exactly is each fault's own `with:`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reach: ClassVar[tuple[Kind, ...]] = EVERYBODY
    """Whom it can hit; nobody: it hits the Director itself, and takes no targets."""
    needs_life: ClassVar[bool] = False
    """Whether there is no point in picking somebody who is dead."""
    rolls: ClassVar[Chance] = Chance.FIRING
    """What `probability` is the probability of."""

    id: Name
    targets: Selector | None = None
    when: When
    probability: Share = 1.0

    @classmethod
    def name(cls) -> str:
        """Return what a scenario calls it under `type:`."""
        return str(get_args(cls.model_fields["type"].annotation)[0])

    @classmethod
    def summary(cls) -> str:
        """Return what it does, in one line."""
        return (cls.__doc__ or "").partition("\n")[0]

    @abstractmethod
    def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Misbehave on entry, heal on exit; the targets are the actors who were picked."""

    def chance(self) -> Chance:
        """Return what its own `probability` is the probability of."""
        return self.rolls

    def reaches(self) -> tuple[Kind, ...]:
        """Return whom it can hit, as it stands here."""
        return self.reach

    def lasts(self) -> float | None:
        """Return the seconds that one firing takes by its nature; None: as its window says."""
        return None

    def unsupported(self, *, world: str, director: str, identity: str) -> str | None:
        """Return why it cannot be done, where it cannot.

        `world` is virtual or wire, `director` how the Director runs, `identity` plaintext or mtls.
        """
        del world, director, identity
        return None

    def completed(self, cast: Cast) -> Self:
        """Return itself with what it left to the rest of the scenario filled in."""
        del cast
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check_targets()
        self._check_window()
        return self

    def _check_targets(self) -> None:
        if not self.reach and self.targets is not None:
            raise misfit(f"{self.name()} hits the Director: it takes no targets", "targets")
        if self.reach and self.targets is None:
            raise misfit(f"{self.name()} needs targets, such as {{group: hospital, pick: one}}")
        if self.targets is None:
            return
        if self.targets.spawn and Kind.ATTACKER not in self.reach:
            raise misfit(f"{self.name()} brings in no attacker: drop 'spawn'", "targets", "spawn")
        if not self.targets.spawn and self.reach == (Kind.ATTACKER,):
            raise misfit(
                f"{self.name()} needs an attacker of its own: add 'spawn: true'", "targets"
            )

    def _check_window(self) -> None:
        match self.when:
            case During():
                return
            case At(lasts=lasts) | Every(lasts=lasts) | OnEvent(lasts=lasts):
                if lasts is not None and self.lasts() is not None:
                    why = "happens in an instant" if not self.lasts() else "has its own 'down'"
                    raise misfit(f"{self.name()} {why}: it takes no 'for'", "when", "for")
        if isinstance(self.when, Every):
            self._check_repetition(self.when)

    def _check_repetition(self, when: Every) -> None:
        lasts = when.lasts if self.lasts() is None else self.lasts()
        if lasts is None:
            raise misfit("what comes again must end first: add 'for'", "when")
        if when.jitter >= when.every:
            raise misfit("'jitter' must be shorter than 'every'", "when", "jitter")
        if lasts + when.jitter >= when.every:
            raise misfit("it would come again before it ended: lengthen 'every'", "when", "every")


def misfit(message: str, *path: str, suggestion: str | None = None) -> PydanticCustomError:
    """Return an error that points at a part of the value that is being checked."""
    context = {"message": message, "path": path, "suggestion": suggestion}
    return PydanticCustomError("misfit", "{message}", context)


class Touch:
    """The hand of one fault in one run: its chance, and the record of what it did."""

    def __init__(self, world: World, fault: FaultBase) -> None:
        self._world = world
        self._fault = fault

    def random(self, stream: str) -> Random:
        """Return chance of this fault's own."""
        return self._world.random(f"fault/{self._fault.id}/{stream}")

    def happens(self, random: Random) -> bool:
        """Draw whether it happens this time; certainty draws nothing."""
        probability = self._fault.probability
        return probability >= 1 or random.random() < probability

    def message(self, message: Message, mode: str) -> None:
        """Record that a message was touched."""
        self._note(message.actor, mode, message.method, message.direction.value, message.call)

    def actor(self, actor: str, mode: str) -> None:
        """Record that an actor was touched, and with it every call that it has open."""
        self._note(actor, mode, "", "", -1)

    def _note(self, actor: str, mode: str, method: str, direction: str, call: int) -> None:
        value = {
            "fault": self._fault.id,
            "type": self._fault.name(),
            "method": method,
            "direction": direction,
            "mode": mode,
        }
        self._world.record.note("fault.touch", value, actor=actor, call=call)


class RuleFault(FaultBase, ABC):
    """A fault that is a rule for messages, while it is open."""

    rolls: ClassVar[Chance] = Chance.MESSAGE
    mode: ClassVar[str]
    """What the record says was done to a message."""

    @abstractmethod
    def affects(self, message: Message) -> bool:
        """Whether it may touch such a message, whoever sends or gets it."""

    @abstractmethod
    def verdict(self, message: Message, random: Random) -> Verdict:
        """Return what becomes of a message that it touches."""

    def aftermath(self, world: World, message: Message) -> None:
        """Bring about what else follows from a touch; nothing, as a rule."""

    @asynccontextmanager
    async def inject(
        self, world: World, targets: Sequence[str], firing: Firing | None = None
    ) -> AsyncIterator[None]:
        del firing
        with world.network.rules.applied(self._rule(world, targets)):
            yield

    def _rule(self, world: World, targets: Sequence[str]) -> Rule:
        aimed = frozenset(targets)
        touch = Touch(world, self)

        def judge(message: Message) -> Verdict:
            if message.actor not in aimed or not self.affects(message):
                return PASS
            # A stream of its own for each actor: what one sends changes no other's dice.
            random = touch.random(message.actor)
            if not touch.happens(random):
                return PASS
            touch.message(message, self.mode)
            self.aftermath(world, message)
            return self.verdict(message, random)

        return judge


def is_alive(world: World, name: str) -> bool:
    """Whether somebody of that name is there and runs."""
    try:
        return world.actor(name).is_alive
    except KeyError:
        return False
