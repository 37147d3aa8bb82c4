"""Functions that experiments bring, behind their fence: what they get, and what they may not do."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from director.core.foreign import ForeignOutcome, ForeignWork
from director.errors import UnsupportedPlanError
from director.foreign import Fence, ForeignCode, ForeignCodeError
from director.offload import in_thread
from director.transport.loops import quick_loop
from director.workspace import PickledCode
from tests.director.foreign.functions import array, bringing, work

pytestmark = pytest.mark.wire

GIB = 2**30
FORGE = "os.path.exists(f'/dev/fd/{fd}') and os.write(fd, b'?' * 999)"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def fenced(
    *, python: str = sys.executable, timeout_s: float = 60, memory_bytes: int = 2 * GIB
) -> ForeignCode:
    fence = Fence(python=python, timeout_s=timeout_s, memory_bytes=memory_bytes)
    return ForeignCode(fence, offload=in_thread)


async def aggregated(code: PickledCode, asked: ForeignWork | None = None) -> ForeignOutcome:
    return await fenced().aggregate(asked or work(), code)


async def failure(code: PickledCode, foreign: ForeignCode | None = None) -> ForeignCodeError:
    with pytest.raises(ForeignCodeError) as failed:
        await (foreign or fenced()).aggregate(work(), code)
    return failed.value


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# ---------------------------------------------------------------- what they get


async def test_a_function_makes_one_tensor_of_many() -> None:
    sent = {
        "slope": (array(1, 2), array(3, 4), array(9, 9)),
        "bias": (array(5), array(7), array(6)),
    }
    code = bringing("return np.median([each.tensor for each in local_tensors], axis=0)")

    outcome = await aggregated(code, work(sent))

    made = {name: tensor.tolist() for name, tensor in outcome.models["train"].items()}
    assert made == {"slope": [3.0, 4.0], "bias": [6.0]}


async def test_it_is_told_who_sent_what_and_how_much_that_weighs() -> None:
    told = "[(t.col_name, t.tensor.tolist(), t.weight) for t in local_tensors]"
    code = bringing(f"raise ValueError({told}, tensor_name, fl_round, tags)")

    error = await failure(code)

    assert str(error).endswith(
        "ValueError: ([('a', [1.0], 0.5), ('b', [2.0], 0.25), ('c', [6.0], 0.25)],"
        " 'bias', 0, ('trained',))"
    )


async def test_it_sees_this_rounds_tensors_and_the_last_two_models() -> None:
    rows = "[(r['round'], r['tensor_name'], r['tags'], r['nparray'].tolist()) for r in db_iterator]"
    code = bringing(f"raise ValueError({rows})")
    asked = work(
        {"bias": (array(5), array(7))},
        round_number=1,
        models={1: {"bias": array(2)}, 0: {"bias": array(1)}},
    )

    with pytest.raises(ForeignCodeError) as failed:
        await aggregated(code, asked)

    rows_seen = str(failed.value).partition("ValueError: ")[2]
    assert rows_seen == str(
        [
            (1, "bias", ("a", "trained"), [5.0]),
            (1, "bias", ("b", "trained"), [7.0]),
            (1, "bias", ("model",), [2.0]),
            (1, "bias", ("aggregated",), [2.0]),
            (0, "bias", ("model",), [1.0]),
        ]
    )


async def test_what_it_learns_it_knows_in_the_next_round() -> None:
    code = bringing("self.rounds += 1; return np.full(1, self.rounds)", start="self.rounds = 0")

    first = await aggregated(code)
    second = await aggregated(code, work(memory=first.memory))
    third = await aggregated(code, work(memory=second.memory))

    assert third.models["train"]["bias"].tolist() == [3.0]


async def test_where_it_learns_nothing_nothing_is_kept() -> None:
    outcome = await aggregated(bringing("return local_tensors[0].tensor"))

    assert outcome.memory == b""


async def test_numbers_of_any_kind_are_taken() -> None:
    outcome = await aggregated(bringing("return [True]"))

    assert outcome.models["train"]["bias"].tolist() == [1.0]
    assert outcome.models["train"]["bias"].dtype == np.float32


async def test_what_it_prints_is_not_an_answer() -> None:
    outcome = await aggregated(bringing("print('x' * 100); return [7]"))

    assert outcome.models["train"]["bias"].tolist() == [7.0]


# ---------------------------------------------------------------- how they fail


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("raise KeyError('slope')", "KeyError: 'slope'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("return np.zeros(2)", "made float64 of the shape (2,) of the tensor 'bias'"),
        ("return ['seven']", "made <U5 of the shape (1,)"),
        ("return None", "made object of the shape ()"),
        ("os._exit(3)", "it left no answer"),
        ("os.kill(os.getpid(), 11)", "it was ended by signal 11"),
        (f"[{FORGE} for fd in range(3, 9)]; os._exit(0)", "it left no answer that makes sense"),
    ],
)
async def test_a_failure_is_told(call: str, told: str) -> None:
    assert told in str(await failure(bringing(call, before="import os")))


async def test_a_failure_names_the_function_and_prints_where_it_was() -> None:
    error = await failure(bringing("raise KeyError('slope')"))

    assert str(error) == (
        "the aggregation function 'Mine' of 'fit' failed on the tensor 'bias': KeyError: 'slope'"
    )
    assert "in __call__" in error.printed


async def test_what_cannot_be_loaded_is_told() -> None:
    code = bringing("return [1]")

    error = await failure(PickledCode(table=code.table, modules={}))

    assert str(error) == (
        "the aggregation functions cannot be loaded: ModuleNotFoundError: No module named 'mine'"
    )


async def test_what_cannot_be_kept_is_told() -> None:
    error = await failure(bringing("self.lock = (n for n in ()); return [1]"))

    assert "cannot be kept for the next round: TypeError" in str(error)


async def test_a_function_that_wants_to_write_to_the_database_is_refused() -> None:
    error = await failure(bringing("return [1]", start="self._privileged = True"))

    assert "wants to write to OpenFL's database" in str(error)


async def test_a_long_failure_is_cut() -> None:
    assert len(str(await failure(bringing("raise ValueError('x' * 10_000)")))) == 400


# ---------------------------------------------------------------- what they may not do


async def test_one_that_never_ends_is_ended_with_all_its_children(scratch: Path) -> None:
    child = scratch / "child"
    code = bringing(
        "import subprocess, time;"
        f" open({str(child)!r}, 'w').write(str(subprocess.Popen(['/bin/sleep', '600']).pid));"
        " time.sleep(600)"
    )

    error = await failure(code, fenced(timeout_s=3))

    assert str(error) == "it took longer than 3 s"
    assert await is_gone(int(child.read_text()))


async def is_gone(pid: int) -> bool:
    """Whether a process ends soon, whoever has to bury it."""
    for _ in range(100):
        try:
            state = await in_thread(Path(f"/proc/{pid}/stat").read_text)
        except FileNotFoundError:
            return True
        if state.rpartition(")")[2].split()[0] == "Z":
            return True
        await asyncio.sleep(0.1)
    return False


async def test_it_takes_no_more_memory_than_it_may() -> None:
    error = await failure(bringing("bytearray(3 * 2**30); return [1]"), fenced(memory_bytes=GIB))

    assert str(error).endswith("MemoryError: ")


async def test_it_sees_neither_our_environment_nor_our_files(
    monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    monkeypatch.setenv("SECRET", "hush")
    code = bringing(
        "raise ValueError(sorted(os.environ), sorted({os.readlink(f'/proc/self/fd/{fd}')"
        " for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}')}))",
        before="import os",
    )

    with (scratch / "journal").open("w") as held:
        os.set_inheritable(held.fileno(), True)  # noqa: FBT003 - it takes no keywords
        error = await failure(code)

    assert "SECRET" not in str(error)
    assert "journal" not in str(error)
    assert "'HOME'" in str(error)


async def test_nothing_of_it_is_left(scratch: Path) -> None:
    await aggregated(bringing("open('result.txt', 'w').write('x'); return [1]"))

    assert left_in(scratch) == []


async def test_whoever_does_not_wait_any_more_ends_it(scratch: Path) -> None:
    began = scratch / "pid"
    code = bringing(
        f"import os, time; open({str(began)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    waiting = asyncio.create_task(aggregated(code))
    while not began.exists() or not began.read_text():  # noqa: ASYNC110 - it is another process's
        await asyncio.sleep(0.05)

    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert await is_gone(int(began.read_text()))
    assert left_in(scratch) == ["pid"]


# A server of gRPC has handlers that clean up in forked children, and that may crash there.
_forked: list[Path] = []


def _mark() -> None:
    for path in _forked:
        path.touch()


os.register_at_fork(after_in_child=_mark)


@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, quick_loop()], ids=["asyncio", "as it is served"]
)
def test_its_process_is_no_copy_of_ours(
    loop: Callable[[], asyncio.AbstractEventLoop] | None, scratch: Path
) -> None:
    _forked.append(marker := scratch / "forked")
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(aggregated(bringing("return [1]")))
    finally:
        _forked.clear()

    assert not marker.exists()


# ---------------------------------------------------------------- what has to be there


async def test_modules_that_are_not_there_are_named() -> None:
    with pytest.raises(UnsupportedPlanError, match=r"does not have: no_such_thing, \.\.$"):
        await fenced().check(["numpy", "collections", "no_such_thing", ".."])


async def test_where_everything_is_there_nothing_is_said(scratch: Path) -> None:
    await fenced().check(["numpy", "collections"])

    assert left_in(scratch) == []


@pytest.mark.parametrize("python", ["/no/such/python", "/"])
async def test_an_interpreter_that_cannot_be_started_is_told_without_its_path(python: str) -> None:
    with pytest.raises(UnsupportedPlanError, match="cannot be started") as refused:
        await fenced(python=python).check(["numpy"])

    assert "/" not in str(refused.value)
