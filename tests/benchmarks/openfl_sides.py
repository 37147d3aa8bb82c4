"""Our Director and OpenFL's own, each in a process of its own, started as operators start it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import yaml

from protos import director_pb2, director_pb2_grpc
from tests.benchmarks.sides import Side
from tests.interop.make_environment import PYTHON

NAMES = ("ours", "OpenFL")
FORGETFUL = "forgetful"
"""Ours, keeping nothing: what durability costs."""
PERIOD_S = 60

_OURS = Path(sys.executable).with_name("director")
_PEER = Path(__file__).parents[1] / "interop" / "peers" / "director.py"
_COMES_UP_WITHIN_S = 60


@dataclass(frozen=True)
class Started:
    """A running Director, and what its start cost."""

    side: Side
    start_s: float
    idle_mib: float


def forget_peak(side: Side) -> None:
    """Let the peak of memory begin anew."""
    Path(f"/proc/{side.pid}/clear_refs").write_text("5")


@contextmanager
def both() -> Iterator[tuple[Started, Started, Started]]:
    """Run both, and ours a second time without a state directory, which is the last.

    The servers are on one processor and this process is on another, where there are two.
    """
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[0]})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="squall-openfl-")))
        environment = _compiled(folder / "bytecode")
        commands = (
            _ours(folder / "ours"),
            _theirs(folder / "theirs"),
            _ours(folder / FORGETFUL, state=":memory:"),
        )
        ours, theirs, forgetful = (
            stack.enter_context(_running(name, port, command, environment, processors[-1]))
            for name, (port, command) in zip((*NAMES, FORGETFUL), commands, strict=True)
        )
        yield ours, theirs, forgetful
    os.sched_setaffinity(0, processors)


def _compiled(folder: Path) -> Mapping[str, str]:
    """Return variables with which ours finds its bytecode, as it does where pip installed it."""
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(_OURS), "--help"]
    subprocess.run(command, env=variables, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - ours
    return variables


def _ours(folder: Path, *, state: str = "") -> tuple[int, Sequence[str | Path]]:
    folder.mkdir()
    port = _free_port()
    config = folder / "director.yaml"
    settings = {
        "listen_host": "127.0.0.1",
        "listen_port": port,
        "envoy_health_check_period": PERIOD_S,
        # OpenFL's long polls have no end.
        "long_poll_s": 3_600,
    }
    config.write_text(yaml.safe_dump({"settings": settings}))
    return port, [
        *(_OURS, "start", "-c", config, "--state-dir", state or folder / "state"),
        *("--disable-tls", "--log-level", "warning"),
    ]


def _theirs(folder: Path) -> tuple[int, Sequence[str | Path]]:
    port = _free_port()
    return port, [
        *(PYTHON, _PEER, "--port", str(port)),
        *("--folder", folder, "--period", str(PERIOD_S)),
    ]


@contextmanager
def _running(
    name: str,
    port: int,
    command: Sequence[str | Path],
    variables: Mapping[str, str],
    processor: int,
) -> Iterator[Started]:
    began_s = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - one of the two Directors
        command,
        env=None if name == NAMES[1] else variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.sched_setaffinity(process.pid, {processor})
    try:
        side = Side(name, port, process.pid)
        _await_answer(port)
        start_s = time.perf_counter() - began_s
        yield Started(side=side, start_s=start_s, idle_mib=side.resident_mib())
    finally:
        process.kill()
        process.wait()


def _await_answer(port: int) -> None:
    """Return once a request is answered."""
    options = (
        ("grpc.initial_reconnect_backoff_ms", 20),
        ("grpc.min_reconnect_backoff_ms", 20),
        ("grpc.max_reconnect_backoff_ms", 20),
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        director_pb2_grpc.DirectorStub(channel).GetDatasetInfo(
            director_pb2.GetDatasetInfoRequest(),
            wait_for_ready=True,
            timeout=_COMES_UP_WITHIN_S,
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
