"""Directors in processes of their own: what is seen, said and left of them."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from simulator.engine.host import HostError
from simulator.engine.subprocess_host import SubprocessHost
from simulator.scenario.schema import DirectorSpec
from tests.simulator.engine.hosts import DEADLINE_S, host_of, hosted

ROOT = Path(__file__).parents[3]


def _exists(folder: str) -> bool:
    return Path(folder).exists()


@pytest.mark.wire
async def test_a_process_can_be_looked_into() -> None:
    async with hosted("subprocess") as host:
        held = host.held()

        assert held["descriptors"] > 3
        assert held["threads"] > 1
        assert held["resident_kib"] > 1024


@pytest.mark.wire
async def test_a_killed_process_is_gone_and_its_folder_goes_with_the_host() -> None:
    async with hosted("subprocess") as host:
        assert isinstance(host, SubprocessHost)
        assert host._process is not None
        folder, process = host._folder.name, host._process.pid

        await host.take_down("kill")

        assert _exists(folder)
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert not _exists(folder)


SIMULATOR = """
import asyncio
from tests.simulator.engine.hosts import hosted

async def main():
    async with hosted("subprocess") as host:
        print(host._process.pid, host._folder.name, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.wire
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of such a death")
async def test_a_process_does_not_outlive_a_simulator_that_is_killed() -> None:
    simulator = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SIMULATOR, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert simulator.stdout is not None
    pid, folder = (await simulator.stdout.readline()).decode().split()
    director = os.pidfd_open(int(pid))

    simulator.kill()

    try:
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(director, gone.set)
        async with asyncio.timeout(DEADLINE_S):
            await gone.wait()
    finally:
        asyncio.get_running_loop().remove_reader(director)
        os.close(director)
        await simulator.wait()
        shutil.rmtree(folder)


@pytest.mark.wire
async def test_what_a_process_says_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="director.process")

    async with hosted("subprocess"):
        pass

    assert "serving on 127.0.0.1" in caplog.text
    assert "received SIGTERM" in caplog.text


@pytest.mark.wire
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("no-such-program",), "no-such-program cannot be run"),
        (("false",), "ended with code 1"),
        (("sh", "-c", "echo out of order; exit 3"), "ended with code 3\n  out of order"),
    ],
)
async def test_a_process_that_does_not_come_up_tells_why(
    command: tuple[str, ...], message: str
) -> None:
    host = host_of("subprocess", None, DirectorSpec(run="subprocess", command=command))

    with pytest.raises(HostError, match=message):
        await host.start()

    await host.close()
