"""Where the Director's log lines go while it is tormented."""

import asyncio
import logging
from pathlib import Path

import pytest

from director.shell.logbook import log, note
from simulator.batch import Order, perform
from simulator.directors_log import directors_log
from simulator.engine.loop import VirtualTimeLoop
from simulator.scenario.load import load

SCENARIO = """\
version: 1
name: refusals
clock: virtual
seed: 1
recover: 10s
phases: [{name: calm, for: 20s}]
director: {config: {heartbeat_period: 10s}}
envoys: [{group: hospital, count: 2, training: {takes: 1s, rounds: 1}}]
frontends:
  - {id: alice, do: [{submit: {experiment: scan, archive: 1 KiB, to: "@hospital"}}]}
faults:
  - {id: eve, type: identity.slander, targets: {frontend: eve, spawn: true}, when: {at: 5s}}
expect: {guarantees: all, coverage: {min_rpcs: 1}}
"""


async def _later(message: str) -> None:
    await asyncio.sleep(12.5)
    note(message, caller=None, experiment="scan", level=logging.WARNING)


def test_lines_are_written_on_the_clock_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "new" / "director.log"

    with directors_log(path, is_virtual=True):
        note("before")
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(_later("meanwhile"))
        note("after")

    assert path.read_text().splitlines() == [
        "    0.000000 INFO    before",
        "   12.500000 WARNING meanwhile [experiment='scan']",
        "   12.500000 INFO    after",
    ]


def test_lines_on_the_wire_have_real_seconds_since_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "director.log"

    with directors_log(path, is_virtual=False):
        note("soon")

    seconds, _, rest = path.read_text().strip().partition(" ")
    assert 0 <= float(seconds) < 60
    assert rest == "INFO    soon"


@pytest.mark.parametrize("keeps", [True, False])
def test_nothing_is_printed_and_afterwards_all_is_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, keeps: bool
) -> None:
    before = log.level, log.propagate, list(log.handlers)

    with directors_log(tmp_path / "director.log" if keeps else None, is_virtual=True):
        note("a promise is broken", level=logging.ERROR)
        logging.getLogger("grpc._cython.cygrpc").error("Unexpected")
        assert log.isEnabledFor(logging.ERROR) is keeps

    assert caplog.records == []
    assert (log.level, log.propagate, log.handlers) == before
    assert log.isEnabledFor(logging.ERROR)


def test_equal_runs_leave_equal_logs_beside_their_histories(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "refusals.yaml"
    scenario.write_text(SCENARIO)
    folders = (tmp_path / "one", tmp_path / "two")

    for folder in folders:
        result = perform(Order.of(load(scenario)[0], scenario, {}, seed=1, report=folder))
        assert result.error is None

    one, two = ((folder / "director.log").read_bytes() for folder in folders)
    assert one == two
    assert b"accepted: 1 rounds, 2 collaborators [caller='alice' experiment='scan']" in one
    assert b"WARNING failure report of" in one
    assert capfd.readouterr() == ("", "")
