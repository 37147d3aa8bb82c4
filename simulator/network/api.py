"""The network seam: what both worlds offer to actors and faults.

A `Rule` judges single messages at the client's end of a call, the same in both worlds; a `Link`
is an actor's path to the Director, which each world breaks in its own way.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import grpc
import grpc.aio
from google.protobuf.message import Message as Protobuf


class Direction(StrEnum):
    """Which way a message goes."""

    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One RPC message on its way; index counts the messages of its call and direction, from 0."""

    actor: str
    method: str
    """The RPC's short name, such as "WaitExperiment"."""
    direction: Direction
    index: int
    call: int
    """The call's number in the history."""
    body: Protobuf


# ---------------------------------------------------------------- verdicts


@dataclass(frozen=True, slots=True)
class Pass:
    """Deliver it as it is."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Deliver it so many seconds later; what follows in its direction waits behind it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drop:
    """It never arrives, nor does anything after it in its direction: the call hangs."""


@dataclass(frozen=True, slots=True)
class Reject:
    """The call ends here: the client sees this status, the server sees a cancelled call."""

    code: grpc.StatusCode
    details: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A streamed message arrives twice; of a unary call, the whole call is made twice.

    The answer to the second call is thrown away.
    """


@dataclass(frozen=True, slots=True)
class Replace:
    """These arrive in its place, none or several; for a stream only, unless it is exactly one.

    `ends_stream` closes that direction after them, in good order.
    """

    bodies: tuple[Protobuf, ...]
    ends_stream: bool = False


Verdict = Pass | Delay | Drop | Reject | Duplicate | Replace
PASS = Pass()

Rule = Callable[[Message], Verdict]
"""Called once for each message, in order; Delays add up, then the first other verdict wins."""


@dataclass(slots=True)
class RuleBook:
    """The rules in force, in the order in which they came."""

    _rules: dict[int, Rule] = field(default_factory=dict)
    _next: int = 0

    @contextmanager
    def applied(self, rule: Rule) -> Iterator[None]:
        """Keep a rule in force for as long as the context lasts."""
        key, self._next = self._next, self._next + 1
        self._rules[key] = rule
        try:
            yield
        finally:
            del self._rules[key]

    def judge(self, message: Message) -> tuple[float, Verdict]:
        """Return the seconds to wait first, and then what to do."""
        delay_s = 0.0
        for rule in tuple(self._rules.values()):
            verdict = rule(message)
            if isinstance(verdict, Delay):
                delay_s += verdict.seconds
            elif not isinstance(verdict, Pass):
                return delay_s, verdict
        return delay_s, PASS

    @property
    def is_empty(self) -> bool:
        """Whether every message passes."""
        return not self._rules


# ---------------------------------------------------------------- identity


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """What a client shows to a TLS server, PEM; no certificate where it has none."""

    root_certificate: bytes
    private_key: bytes | None = None
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCredentials:
    """What a TLS server shows and whom it trusts, PEM; client certificates are required."""

    root_certificate: bytes
    private_key: bytes
    certificate: bytes


# ---------------------------------------------------------------- networks


class Link(Protocol):
    """One actor's path to the Director."""

    def stall(self, *, towards_director: bool = True, from_director: bool = True) -> None:
        """Half-open: nothing passes, nobody is told, until `heal`; then what was held arrives."""

    def heal(self, *, towards_director: bool = True, from_director: bool = True) -> None:
        """Let everything pass again, in these directions."""

    def cut(self) -> None:
        """Reset the connection: calls in flight end UNAVAILABLE, the next call connects anew."""

    def strand(self) -> Callable[[], None]:
        """As `cut`, but the Director goes on believing in the connection until it is told.

        Returns what tells it.
        """

    @property
    def connection(self) -> int:
        """The number of the connection that a call made now would go over, counted from 1."""


class Network(Protocol):
    """Connects actors to one Director."""

    rules: RuleBook

    def connect(
        self, actor: str, *, credentials: ClientCredentials | None, address: str | None = None
    ) -> grpc.aio.Channel:
        """Return a channel for generated stubs, its messages judged by `rules`.

        `address` ("host:port") where it is not the Director's usual one.  A call made through it
        must carry the history's number in `calls.current` so that rules can name it.
        """

    def link(self, actor: str) -> Link:
        """Return the actor's path, whether or not it has connected yet."""

    def open_calls(self) -> int:
        """How many calls are under way."""

    async def close(self) -> None:
        """Close every channel; nothing of this network runs afterwards."""


@dataclass(slots=True)
class Gate:
    """Something that is open or shut, and can be waited for."""

    _opened: asyncio.Event | None = None

    @property
    def is_open(self) -> bool:
        """Whether one may pass without waiting."""
        return self._opened is None or self._opened.is_set()

    def shut(self) -> None:
        """Let nobody pass until `open`."""
        if self.is_open:
            self._opened = asyncio.Event()

    def open(self) -> None:
        """Let those who wait pass, in the order in which they came."""
        if self._opened is not None:
            self._opened.set()

    async def passed(self) -> None:
        """Wait until it is open; it may shut and open again meanwhile."""
        while self._opened is not None and not self._opened.is_set():
            await self._opened.wait()
