"""The command line to test with: run in this process, or started in one of its own."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from director import cli


def run(*arguments: str) -> tuple[int, str]:
    """Run the command in this process; return its exit code and all that it wrote."""
    result = CliRunner().invoke(cli.main, arguments)
    return result.exit_code, result.output


def written(folder: Path, text: str) -> Path:
    path = folder / "director.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@dataclass(frozen=True)
class Running:
    """A `director start` in a process of its own."""

    process: asyncio.subprocess.Process
    port: int
    greeting: str


@asynccontextmanager
async def running(folder: Path, *, log_format: str = "text") -> AsyncIterator[Running]:
    path = written(
        folder,
        f"settings: {{listen_port: 0, install_requirements: true, log_format: {log_format}}}",
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from director.cli import main; main()"),
        *("start", "-c", str(path), "--disable-tls", "--state-dir", str(folder / "state")),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    greeting = ""
    try:
        while "serving on" not in greeting:
            line = (await process.stderr.readline()).decode()
            assert line, greeting
            greeting += line
        port = re.search(r"serving on localhost:(\d+)", greeting)
        assert port is not None
        yield Running(process, int(port[1]), greeting)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
