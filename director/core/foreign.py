"""What a round asks of aggregation functions that are not ours, and what they made of it.

The core neither has them nor runs them: whoever closes a round takes the work elsewhere, and
brings back what came of it.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from director.core.model import Array, EnvoyName, Model
from director.core.numeric import FLOAT, FLOAT_BYTES, np

_KEPT_AS = "foreign"
"""Without a slash, unlike everything that aggregations of ours remember."""
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one collaborator sent of a tensor; the weights of one tensor sum up to 1."""

    collaborator: EnvoyName
    value: Array
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTask:
    """The tensors that a task trained, and whose function makes one of many."""

    task: str
    function: str
    """The name of the task's function: it is under this that an aggregation was chosen."""
    tensors: Mapping[str, tuple[Share, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignWork:
    """All that foreign functions have to do before a round can be closed."""

    round: int
    tasks: tuple[ForeignTask, ...]
    """In the order in which they were done; none is without tensors."""
    models: Mapping[int, Model]
    """What this round started from, and the one before it."""
    memory: bytes
    """What they left behind in the last round, which only they can read; empty at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignOutcome:
    """What came of it: by task the tensors that were asked for, in the shapes that were sent."""

    models: Mapping[str, Model]
    memory: bytes


def keep(memory: bytes) -> Model:
    """Return a memory as it lasts beside those of aggregations of ours.

    Those are models: here, bytes lie where numbers would, and nobody counts with them.
    """
    if not memory:
        return {}
    content = _LENGTH.pack(len(memory)) + memory
    padding = bytes(-len(content) % FLOAT_BYTES)
    return {_KEPT_AS: np.frombuffer(content + padding, FLOAT)}


def kept(memory: Model) -> bytes:
    """Return what `keep` was given, if anything."""
    if _KEPT_AS not in memory:
        return b""
    content = memory[_KEPT_AS].tobytes()
    (length,) = _LENGTH.unpack_from(content)
    return content[_LENGTH.size : _LENGTH.size + length]
