"""What judged calls, their methods and their channel know of each other."""

from typing import Any, Protocol

import grpc.aio

from simulator.network.faulty_judge import Judge


class Channel(Protocol):
    """What a call and its method need of their channel."""

    inner: grpc.aio.Channel

    def judge(self, method: str) -> Judge:
        """Return the judge of the call that is about to be made."""

    def take(self, call: grpc.aio.Call) -> None:
        """Count a call among those under way."""

    def forget(self, call: grpc.aio.Call) -> None:
        """Let go of a call that is over."""

    def adopt(self, stray: Any) -> None:
        """See a call through to its end that nobody awaits."""


class Method(Protocol):
    """What a call needs of the method that it is a call of."""

    owner: Channel
    name: str

    @property
    def inner(self) -> Any:
        """What makes the real call."""
