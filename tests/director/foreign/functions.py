"""Aggregation functions as experiments bring them: a module beside a pickle that names it."""

import io
import pickle
import re
import sys
import types
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import dedent

import numpy as np

from director.core.foreign import ForeignTask, ForeignWork, Share
from director.core.model import Array, EnvoyName, Model
from director.workspace import PickledCode
from tests.director.workspace.archives import fixture, packed

A, B, C = EnvoyName("a"), EnvoyName("b"), EnvoyName("c")


def array(*values: float) -> Array:
    return np.array(values, np.float32)


@contextmanager
def importable(name: str, source: str) -> Iterator[types.ModuleType]:
    """Let a module of this source be there for as long as the block runs."""
    module = types.ModuleType(name)
    exec(dedent(source), module.__dict__)  # noqa: S102 - it is the test's own text
    parents = [name[: match.start()] for match in re.finditer(r"\.", name)]
    sys.modules |= {parent: types.ModuleType(parent) for parent in parents} | {name: module}
    try:
        yield module
    finally:
        for gone in (*parents, name):
            del sys.modules[gone]


def bringing(call: str, *, start: str = "pass", before: str = "") -> PickledCode:
    """Code whose class `Mine` does this when it is called, for the tasks' function `fit`."""
    source = f"""{before}
import numpy as np

class Mine:
    def __init__(self):
        {start}

    def __call__(self, local_tensors, db_iterator, tensor_name, fl_round, tags):
        {call}
"""
    with importable("mine", source) as mine:
        table = pickle.dumps({"fit": mine.Mine()})
    return PickledCode(table=table, modules={"mine.py": source.encode()})


def work(
    sent: Mapping[str, tuple[Array, ...]] | None = None,
    *,
    round_number: int = 0,
    models: Mapping[int, Model] | None = None,
    memory: bytes = b"",
) -> ForeignWork:
    """What two or three collaborators have sent; the first weighs as much as all others."""
    sent = sent or {"bias": (array(1), array(2), array(6))}
    tensors = {
        name: tuple(
            Share(
                collaborator=collaborator,
                value=value,
                weight=0.5 if collaborator == A else 0.5 / (len(values) - 1),
            )
            for collaborator, value in zip((A, B, C), values, strict=False)
        )
        for name, values in sent.items()
    }
    return ForeignWork(
        round=round_number,
        tasks=(ForeignTask(task="train", function="fit", tensors=tensors),),
        models={0: {"bias": array(0)}} if models is None else models,
        memory=memory,
    )


_OPENFL = "openfl.interface.aggregation_functions.weighted_average"
_TABLE = "aggregation_function_obj.pkl"


def workspace(call: str, **details: str) -> bytes:
    """Return a workspace of OpenFL's whose tasks' function `fit` is aggregated like this.

    As there is no OpenFL here, it brings what its pickle names of it.
    """
    average = "class WeightedAverage: ..."
    code = bringing(call, **details)
    source = code.modules["mine.py"].decode()
    with importable(_OPENFL, average) as openfl, importable("mine", source) as mine:
        table = pickle.dumps(defaultdict(openfl.WeightedAverage, fit=mine.Mine()))
    with zipfile.ZipFile(io.BytesIO(fixture("openfl_workspace"))) as original:
        kept = {path: original.read(path) for path in original.namelist() if path[-1] != "/"}
    brought: dict[str, bytes | str] = {f"{_OPENFL.replace('.', '/')}.py": average, **code.modules}
    return packed({**kept, _TABLE: table, **brought})
