"""The Director in a process of its own, on a real socket: what can really be killed."""

import asyncio
import json
import logging
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simulator.engine.host import LOOPBACK, Blueprint, HostError, certificate_files
from simulator.network.api import ClientCredentials, Network, RuleBook
from simulator.network.readiness import answered
from simulator.network.wire import WireNetwork
from simulator.world import Signal

_log = logging.getLogger("director.process")

_CONFIG = "director.yaml"
_OURS = (sys.executable, "-c", "from director.cli import main; main()", "start", "-c", _CONFIG)
"""`director start`, of this very installation."""

_TETHER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("tether.py")))
"""Whoever it runs dies with us, even of SIGKILL."""

_COMES_UP_WITHIN_S = 30.0
_GOES_WITHIN_S = 30.0
_LAST_WORDS = 20
_CERTIFICATES = {
    "root_certificate": "root_ca.crt",
    "private_key": "host.key",
    "certificate": "host.crt",
}
"""What operators call the files, in the folder `cert`."""


class SubprocessHost:
    """See `simulator.engine.host.Host`; the process has a folder of its own, and works in it."""

    def __init__(
        self, blueprint: Blueprint, rules: RuleBook, *, visitor: ClientCredentials | None
    ) -> None:
        """`visitor` is shown to a Director that speaks TLS, to see whether it is up."""
        self._blueprint = blueprint
        self._visitor = visitor
        self._folder = TemporaryDirectory(prefix="squall-")
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._port = _free_port()
        self.address = f"{LOOPBACK}:{self._port}"
        self.network: Network = WireNetwork(self.address, rules)
        self._furnish(Path(self._folder.name))

    def _furnish(self, folder: Path) -> None:
        config = self._blueprint.spec.config
        settings: dict[str, Any] = {
            "listen_host": LOOPBACK,
            "listen_port": self._port,
            "sample_shape": config.sample_shape,
            "target_shape": config.target_shape,
            "envoy_health_check_period": int(config.heartbeat_period),
        }
        if not self._blueprint.spec.command:
            # Others do not know what is our own.
            settings |= self._blueprint.policies()
        # JSON is YAML, too.
        written = json.dumps({"settings": settings}, indent=2, default=str)
        (folder / _CONFIG).write_text(written, encoding="utf-8")
        certificates = folder / "cert"
        certificates.mkdir()
        for role, file in certificate_files(self._blueprint.credentials, certificates).items():
            file.rename(certificates / _CERTIFICATES[role])

    # ------------------------------------------------------------ up and down

    async def start(self) -> None:
        command = self._blueprint.spec.command or self._own_command()
        try:
            process = await asyncio.create_subprocess_exec(
                *(*_TETHER, str(os.getpid())),
                *command,
                cwd=self._folder.name,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                # Ctrl-C is for us: we take it down.
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"no process can be made: {error.strerror}") from error
        self._process = process
        self._listening = asyncio.create_task(self._listen(process))
        try:
            async with asyncio.timeout(_COMES_UP_WITHIN_S):
                await self._up(process)
        except TimeoutError:
            await self.take_down("kill")
            raise HostError(
                f"the Director did not answer at {self.address} within {_COMES_UP_WITHIN_S:g} s"
                f"{self._said()}"
            ) from None

    def _own_command(self) -> tuple[str, ...]:
        return _OURS if self._blueprint.credentials is not None else (*_OURS, "--disable-tls")

    async def _up(self, process: Process) -> None:
        """Wait until it answers; raises HostError where it ends first."""
        ended = asyncio.ensure_future(process.wait())
        ready = asyncio.ensure_future(answered(self.address, self._visitor))
        try:
            await asyncio.wait([ended, ready], return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                await self.take_down("kill")
                raise HostError(f"the Director ended with code {process.returncode}{self._said()}")
        finally:
            for waiting in (ended, ready):
                waiting.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    async def _listen(self, process: Process) -> None:
        """Put what it says into the Director's log."""
        assert process.stdout is not None
        async for line in process.stdout:
            words = line.decode(errors="replace").rstrip()
            self._words.append(words)
            _log.info("%s", words)

    def _said(self) -> str:
        return "".join(f"\n  {words}" for words in self._words)

    async def take_down(self, signal: Signal) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # It may have ended by itself.
        with suppress(ProcessLookupError):
            if signal == "stop":
                process.terminate()
            else:
                process.kill()
        try:
            async with asyncio.timeout(_GOES_WITHIN_S):
                await process.wait()
        except TimeoutError:
            _log.warning("it did not go within %g s, and was killed", _GOES_WITHIN_S)
            process.kill()
            await process.wait()
        if self._listening is not None:
            await self._listening

    # ------------------------------------------------------------ looking into it

    def held(self) -> Mapping[str, int]:
        process = self._process
        if process is None:
            return {}
        about = Path("/proc") / str(process.pid)
        # Other systems have no such folder, and neither has a process that is gone.
        try:
            status = (about / "status").read_text(encoding="utf-8")
            descriptors = sum(1 for _ in (about / "fd").iterdir())
        except OSError:
            return {}
        told = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return {
            "descriptors": descriptors,
            "threads": int(told["Threads"]),
            "resident_kib": int(told["VmRSS"].split()[0]),
        }

    async def close(self) -> None:
        await self.take_down("stop")
        await self.network.close()
        self._folder.cleanup()


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
