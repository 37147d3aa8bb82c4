"""What faults and actors may touch of a run: the seams, and nothing behind them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Literal, Protocol

from simulator.history.entry import JsonObject
from simulator.network.api import Network


class Recorder(Protocol):
    """Writes the history; the engine stamps index and time."""

    def note(self, topic: str, value: JsonObject, *, actor: str = "", call: int = -1) -> None:
        """Record something that is not an operation."""

    def invoke(self, actor: str, topic: str, value: JsonObject) -> int:
        """Open an operation; return its call number."""

    def complete(self, call: int, kind: str, value: JsonObject) -> None:
        """Close an operation as ok, fail or info."""


class Actor(Protocol):
    """A simulated peer that faults can get hold of."""

    @property
    def id(self) -> str:
        """Its name, which is also its identity."""

    @property
    def is_alive(self) -> bool:
        """Whether it runs (paused counts, killed does not)."""

    async def start(self) -> None:
        """Begin, or begin again after `kill`, with no memory of before."""

    async def kill(self) -> None:
        """Stop at once, as SIGKILL does: no goodbye, connections reset."""

    def pause(self) -> None:
        """Freeze, as SIGSTOP does: connections stay open, nothing is sent or read."""

    def resume(self) -> None:
        """Go on where it stood."""


class BadCertificate(StrEnum):
    """What is wrong with what an attacker shows to a TLS server."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    FOREIGN_CA = "foreign_ca"
    SELF_SIGNED = "self_signed"
    MISSING = "missing"
    NO_COMMON_NAME = "no_common_name"
    PLAINTEXT = "plaintext"
    """No TLS at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Upload a whole and runnable experiment; the fault's own rule spoils it on its way."""

    experiment: str
    size_bytes: int = 64 * 1024
    chunk_bytes: int = 8 * 1024


MisuploadMode = Literal[
    "empty",
    "size_lie",
    "inconsistent_name",
    "inconsistent_collaborators",
    "inconsistent_model",
    "not_zip",
    "no_plan",
    "bad_plan",
    "bad_name",
    "no_collaborators",
    "duplicate_collaborators",
    "bad_tensor",
    "cancelled",
    "deadline",
    "zip_slip",
    "zip_bomb",
]
"""What a client may get wrong in an upload by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misupload:
    """Upload something that the client itself got wrong; modes as "intent" in the history."""

    experiment: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """Call every RPC of a TLS server with a certificate that must not be let in."""

    certificate: BadCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Impersonate:
    """Call the envoy's RPCs in a victim's name, and claim it in `client_id` too."""

    victim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pry:
    """Ask for, and try to remove, every experiment of others; also ones that never were."""

    experiments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slander:
    """Report experiments as failed without taking part: real ones, ended ones, and inventions.

    Under TLS in the attacker's own name; in plaintext too, as it never joins.
    """

    experiments: tuple[str, ...]


Attack = Upload | Misupload | Knock | Impersonate | Pry | Slander


Signal = Literal["kill", "stop", "power", "torn"]
"""How a Director goes down: at once, in good order, at once and with whatever was not synced, or in
the middle of the next write to its journal, so that half of that is there."""


StorageTrouble = Literal["full", "error", "rot"]
"""What is wrong with a Director's disk: no room, errors, or a flipped bit in every file."""


class World(Protocol):
    """One run, as faults see it."""

    @property
    def network(self) -> Network:
        """The network that leads to the Director."""

    @property
    def record(self) -> Recorder:
        """Where everything is written down."""

    def random(self, stream: str) -> Random:
        """Chance by name: the same seed and name give the same draws, whatever else is drawn."""

    def now(self) -> float:
        """Seconds since the start of the run."""

    def actors(self) -> Sequence[Actor]:
        """Everybody there is, in the order of their coming."""

    def actor(self, name: str) -> Actor:
        """Raises KeyError where there is none of that name."""

    async def attack(self, actor: str, attack: Attack) -> None:
        """Let an attacker of that name come in, do its worst, and leave."""

    def on_event(self, listener: Callable[[str, str, JsonObject], None]) -> Callable[[], None]:
        """Be told of every note (actor, topic, value) as it is written; returns how to stop."""

    def restarting_director(self, *, signal: Signal) -> AbstractAsyncContextManager[None]:
        """Take the Director down on entry; bring it up again, with what it had kept, on exit."""

    def troubling_storage(self, trouble: StorageTrouble) -> AbstractContextManager[None]:
        """Let the Director's disk misbehave; what has rotted stays so."""
