"""What goes to the process that runs foreign code, and what comes back; `worker` has the layout.

What comes back is not believed: code that was run may have written it.
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from director.core.foreign import ForeignOutcome, ForeignTask, ForeignWork
from director.core.model import Array, Model
from director.core.numeric import FLOAT, FLOAT_BYTES, np
from director.foreign.errors import ForeignCodeError

_LENGTH = struct.Struct("<Q")
_ALIGNMENT = 64
_MAX_HEADER_BYTES = 64 * 2**10
_MAX_MEMORY_BYTES = 2**30
"""More than an optimiser keeps of the largest model that is taken by default."""
_TRAINED, _MODEL, _AGGREGATED = "trained", "model", "aggregated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a process may take."""

    seconds: int
    memory_bytes: int


def write_question(file: BinaryIO, modules: Sequence[str]) -> None:
    """Ask which of these modules can be imported; none is."""
    _write_header(file, {"modules": list(modules)})
    file.seek(0)


def read_missing(file: BinaryIO) -> tuple[str, ...]:
    """Return the modules that cannot be.

    Raises:
        ForeignCodeError: there is no answer.
    """
    missing = _header(file).get("missing")
    if not isinstance(missing, list):
        raise ForeignCodeError("the interpreter for it does not answer")
    return tuple(map(str, missing))


def write_work(file: BinaryIO, work: ForeignWork, *, table: bytes, limits: Limits) -> None:
    """Write all that the work takes, and go back to the beginning."""
    arrays = _Arrays()
    header = {
        "round": work.round,
        "table": len(table),
        "memory": len(work.memory),
        "works": [_described(task, arrays) for task in work.tasks],
        "history": _history(work, arrays),
        "arrays": [array.shape for array in arrays.all],
        "limits": {
            "seconds": limits.seconds,
            "memory_bytes": limits.memory_bytes,
            "answer_bytes": _MAX_HEADER_BYTES + _MAX_MEMORY_BYTES + _size(work),
        },
    }
    _write_header(file, header, before=len(table) + len(work.memory))
    file.write(table)
    file.write(work.memory)
    file.writelines(array.astype(FLOAT, copy=False).tobytes() for array in arrays.all)
    file.seek(0)


def read_outcome(file: BinaryIO, work: ForeignWork) -> ForeignOutcome:
    """Return what came of the work.

    Raises:
        ForeignCodeError: nothing did; the message tells why, as far as anybody knows.
    """
    header = _header(file)
    if "reason" in header:
        raise ForeignCodeError(str(header["reason"]))
    length = header.get("memory")
    if not isinstance(length, int) or not 0 <= length <= _MAX_MEMORY_BYTES:
        raise ForeignCodeError("it left no answer that makes sense")
    memory = _exactly(file, length)
    models = {task.task: _model(file, task) for task in work.tasks}
    return ForeignOutcome(models=models, memory=memory)


class _Arrays:
    """Tensors in the order in which they are written; each is there once."""

    def __init__(self) -> None:
        self.all: list[Array] = []
        self._places: dict[int, int] = {}

    def place(self, array: Array) -> int:
        if id(array) not in self._places:
            self._places[id(array)] = len(self.all)
            self.all.append(array)
        return self._places[id(array)]


def _described(task: ForeignTask, arrays: _Arrays) -> dict[str, object]:
    return {
        "function": task.function,
        "tensors": [
            {
                "name": name,
                "sent": [
                    [share.collaborator, arrays.place(share.value), share.weight]
                    for share in shares
                ],
            }
            for name, shares in task.tensors.items()
        ],
    }


def _history(work: ForeignWork, arrays: _Arrays) -> list[dict[str, object]]:
    """Return the rows that OpenFL's aggregator would have of these tensors, the newest first."""

    def row(round_number: int, name: str, array: Array, *tags: str) -> dict[str, object]:
        place = arrays.place(array)
        return {"round": round_number, "name": name, "tags": sorted(tags), "array": place}

    rows = [
        row(work.round, name, share.value, _TRAINED, share.collaborator)
        for task in work.tasks
        for name, shares in task.tensors.items()
        for share in shares
    ]
    for number, model in sorted(work.models.items(), reverse=True):
        rows += [row(number, name, array, _MODEL) for name, array in model.items()]
        if number:
            rows += [row(number, name, array, _AGGREGATED) for name, array in model.items()]
    return rows


def _size(work: ForeignWork) -> int:
    return sum(shares[0].value.nbytes for task in work.tasks for shares in task.tensors.values())


def _model(file: BinaryIO, task: ForeignTask) -> Model:
    return {name: _array(file, shares[0].value.shape) for name, shares in task.tensors.items()}


def _array(file: BinaryIO, shape: tuple[int, ...]) -> Array:
    content = _exactly(file, math.prod(shape) * FLOAT_BYTES)
    return np.frombuffer(content, FLOAT).reshape(shape)


def _write_header(file: BinaryIO, header: dict[str, object], *, before: int = 0) -> None:
    """Write a header, so padded that what comes after so many more bytes is aligned."""
    content = json.dumps(header).encode()
    content += b" " * (-(_LENGTH.size + len(content) + before) % _ALIGNMENT)
    file.write(_LENGTH.pack(len(content)))
    file.write(content)


def _header(file: BinaryIO) -> dict[str, object]:
    file.seek(0)
    start = file.read(_LENGTH.size)
    if len(start) < _LENGTH.size:
        raise ForeignCodeError("it left no answer")
    (length,) = _LENGTH.unpack(start)
    if length > _MAX_HEADER_BYTES:
        raise ForeignCodeError("it left no answer that makes sense")
    try:
        header: object = json.loads(_exactly(file, length))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ForeignCodeError("it left no answer that makes sense")
    return header


def _exactly(file: BinaryIO, length: int) -> bytes:
    content = file.read(length)
    if len(content) < length:
        raise ForeignCodeError("it left half an answer")
    return content
