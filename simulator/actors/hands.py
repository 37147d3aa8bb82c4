"""What the parts of an actor may do in its name."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from simulator.history.entry import JsonObject


class Note(Protocol):
    """Writes something down that is not an operation."""

    def __call__(self, topic: str, value: JsonObject, *, call: int = -1) -> None:
        """`call` is the number of the call that it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """An actor's pen, patience and dice."""

    note: Note
    sleep: Callable[[float], Awaitable[None]]
    random: Random
    """For retries."""
