"""A process for foreign code: short-lived, with limits, and with nothing of the Director's in it.

It gets no environment, no open files and no connections, and works in an empty folder.  It has the
rights of the Director's user all the same: files that this user may read, it may read.
"""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from director.foreign.errors import ForeignCodeError
from director.offload import in_thread_of_its_own

_WORKER = Path(__file__).with_name("worker.py")
"""Never imported here: it is for the other interpreter, and unpickles."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Sums come out the same on every machine, and no thread's stack counts as memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Which interpreter runs foreign code, and what it may take."""

    python: str
    timeout_s: float
    memory_bytes: int

    async def run(
        self, request: BinaryIO, *, answer: BinaryIO, printed: BinaryIO, folder: Path
    ) -> str:
        """Return how the process ended; it and its children are gone by then.

        Raises:
            ForeignCodeError: it could not begin, or did not come to an end.
        """
        environment = {"HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
        try:
            # Not by the loop: uvloop copies this process for it, and gRPC has handlers that run in
            # copies and now and then crash there.
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - as the operator has named it
                # Isolated: no folder, and no variable of the environment, is where modules are.
                [self.python, "-I", "-B", _WORKER],
                stdin=request,
                stdout=answer,
                stderr=printed,
                cwd=folder,
                env=environment | _ONE_THREAD,
                start_new_session=True,
            )
        except OSError as error:
            told = f"the interpreter for it cannot be started: {error.strerror}"
            raise ForeignCodeError(told) from error
        ended = asyncio.ensure_future(in_thread_of_its_own(process.wait))
        try:
            await asyncio.wait({ended}, timeout=self.timeout_s)
            is_late = not ended.done()
        finally:
            # Its children too; process ids are given out in turn, so nobody else has this one yet.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            code = await ended
        if is_late:
            raise ForeignCodeError(f"it took longer than {self.timeout_s:g} s")
        if code < 0:
            return f"it was ended by signal {-code}: {signal.strsignal(-code)}"
        return "it left no answer"
