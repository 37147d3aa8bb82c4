"""Runs pickled aggregation functions of OpenFL's for one round, and then is gone.

This is the one file of the Director that another interpreter runs, and the one that unpickles.  It
imports nothing of ours, and nothing beyond the standard library before it has fenced itself in.

Standard input and output are files.  The request is a JSON header, the pickle and the tensors; the
answer is a JSON header, what the functions left behind, and the tensors that they made.  Both
headers come behind their length in eight bytes; tensors are little-endian float32.
"""

import json
import os
import pickle
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO, NamedTuple

_LENGTH = struct.Struct("<Q")
_MAX_REASON = 400
_MAX_FILES = 256
_TRAINED = ("trained",)


class LocalTensor(NamedTuple):
    """What a function is given of each collaborator; the fields are those of OpenFL's class."""

    col_name: str
    tensor: Any
    weight: float


class FunctionError(Exception):
    """A function did not do its work; the text tells which, and why."""


def main() -> None:
    """Answer one request, whatever becomes of it."""
    content = bytearray(sys.stdin.buffer.read())
    answer = os.fdopen(os.dup(1), "wb")
    # What a function prints goes where errors go, and there is nothing for it to read.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    header, rest = _opened(content)
    if "modules" in header:
        _write(answer, {"missing": [name for name in header["modules"] if not _is_there(name)]})
        return
    try:
        fence_in(header["limits"])
        sys.path.append(os.getcwd())  # noqa: PTH109 - a path would be one more import
        told, tail = perform(header, rest)
    except FunctionError as error:
        told, tail = {"reason": str(error)[:_MAX_REASON]}, []
    _write(answer, told, *tail)
    # Not by returning: threads and exit handlers that a function has left would run on.
    os._exit(0)


def fence_in(limits: dict[str, int]) -> None:
    """Limit what everything that follows may take; nobody but a superuser gets out of it."""
    # Counts down although the one who started this may be gone.
    signal.alarm(limits["seconds"])
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_FILES),
        (resource.RLIMIT_CPU, limits["seconds"] * (os.cpu_count() or 1)),
        (resource.RLIMIT_FSIZE, limits["answer_bytes"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
    ):
        _, hard = resource.getrlimit(kind)
        lowered = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (lowered, lowered))


def perform(header: dict[str, Any], rest: memoryview) -> tuple[dict[str, Any], list[bytes]]:
    """Return what to answer: the header, and what follows it."""
    pickled, memory = rest[: header["table"]], rest[header["table"] :][: header["memory"]]
    arrays = _arrays(header["arrays"], rest[header["table"] + header["memory"] :])
    functions = _loaded(pickled, memory, [work["function"] for work in header["works"]])
    before = _dumped(functions)
    history = _history(header, arrays)
    made = []
    for work in header["works"]:
        for tensor in work["tensors"]:
            call = _Call(functions[work["function"]], work, tensor, header["round"])
            made.append(call.result(arrays, history))
    after = _dumped(functions)
    # Where nothing was learned, nothing has to be kept.
    kept = bytes(memory) if after == before else after
    return {"memory": len(kept)}, [kept, *made]


def _loaded(pickled: memoryview, memory: memoryview, names: list[str]) -> dict[str, Any]:
    try:
        # This is what an operator has to opt in to: it runs whatever the pickle says.
        if memory:
            return dict(pickle.loads(memory))  # noqa: S301
        table = pickle.loads(pickled)  # noqa: S301
        return {name: table[name] for name in dict.fromkeys(names)}
    except BaseException as error:
        raise _failure("the aggregation functions cannot be loaded", error) from error


def _dumped(functions: dict[str, Any]) -> bytes:
    # Classes that a notebook has defined are found nowhere: only cloudpickle takes them along.
    pickler = pickle if find_spec("cloudpickle") is None else import_module("cloudpickle")
    try:
        return bytes(pickler.dumps(functions))
    except BaseException as error:
        raise _failure(
            "the aggregation functions cannot be kept for the next round", error
        ) from error


class _Call:
    """One call of a function: for one tensor of one task."""

    def __init__(
        self, function: Any, work: dict[str, Any], tensor: dict[str, Any], round_number: int
    ) -> None:
        self._function = function
        self._sent = tensor["sent"]
        self._name = tensor["name"]
        self._round = round_number
        self._what = f"the aggregation function {type(function).__name__!r} of {work['function']!r}"

    def result(self, arrays: list[Any], history: list[dict[str, Any]]) -> bytes:
        """Return the tensor that it makes, in bytes.

        Raises:
            FunctionError: it makes none, or another than it should.
        """
        if getattr(self._function, "_privileged", False):
            raise FunctionError(f"{self._what} wants to write to OpenFL's database: there is none")
        given = [
            LocalTensor(collaborator, arrays[index], weight)
            for collaborator, index, weight in self._sent
        ]
        try:
            made = self._function(given, _rows(history), self._name, self._round, _TRAINED)
            return self._checked(made, arrays[self._sent[0][1]])
        except FunctionError:
            raise
        except BaseException as error:
            what = f"{self._what} failed on the tensor {self._name!r}"
            raise _failure(what, error) from error

    def _checked(self, made: Any, like: Any) -> bytes:
        import numpy as np  # noqa: PLC0415 - only behind the fence

        array = np.asarray(made)
        if array.shape != like.shape or array.dtype.kind not in "fiub":
            raise FunctionError(
                f"{self._what} made {array.dtype} of the shape {array.shape} of the tensor"
                f" {self._name!r}, which has the shape {like.shape}"
            )
        with np.errstate(all="ignore"):
            return bytes(np.ascontiguousarray(array, dtype="<f4").tobytes())


def _history(header: dict[str, Any], arrays: list[Any]) -> list[dict[str, Any]]:
    """Return what there is of OpenFL's database of tensors, the newest first as there."""
    return [
        {
            "round": row["round"],
            "nparray": arrays[row["array"]],
            "tensor_name": row["name"],
            "tags": tuple(row["tags"]),
        }
        for row in header["history"]
    ]


def _rows(history: list[dict[str, Any]]) -> Iterator[Any]:
    # OpenFL gives rows of pandas; who has loaded its classes has loaded that, too.
    series = getattr(sys.modules.get("pandas"), "Series", dict)
    yield from map(series, history)


def _arrays(shapes: list[list[int]], content: memoryview) -> list[Any]:
    try:
        import numpy as np  # noqa: PLC0415 - only behind the fence
    except ImportError as error:
        raise _failure("the interpreter has no numpy", error) from error
    arrays, at = [], 0
    for shape in shapes:
        array = np.frombuffer(content, "<f4", int(np.prod(shape, dtype=int)), at).reshape(shape)
        arrays.append(array)
        at += array.nbytes
    return arrays


def _failure(what: str, error: BaseException) -> FunctionError:
    traceback.print_exception(error)
    return FunctionError(f"{what}: {type(error).__name__}: {error}")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _opened(content: bytearray) -> tuple[dict[str, Any], memoryview]:
    (length,) = _LENGTH.unpack_from(content)
    start = _LENGTH.size + length
    return json.loads(bytes(content[_LENGTH.size : start])), memoryview(content)[start:]


def _write(file: BinaryIO, header: dict[str, Any], *tail: bytes) -> None:
    told = json.dumps(header).encode()
    with file:
        file.writelines((_LENGTH.pack(len(told)), told, *tail))


if __name__ == "__main__":
    main()
