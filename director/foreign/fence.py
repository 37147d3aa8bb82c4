"""A process for foreign code: short-lived, with limits, and with nothing of the Director's in it.

It gets no environment, no open files and no connections, and works in an empty folder.  It has the
rights of the Director's user all the same: files that this user may read, it may read.
"""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from director.foreign.errors import ForeignCodeError

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

        One that crashes is begun once more: libraries of the other interpreter may, now and then.

        Raises:
            ForeignCodeError: it could not begin, or did not come to an end.
        """
        code = await self._run(request, answer=answer, printed=printed, folder=folder)
        if code == -signal.SIGSEGV:
            for file in (request, answer):
                os.lseek(file.fileno(), 0, os.SEEK_SET)
            os.ftruncate(answer.fileno(), 0)
            code = await self._run(request, answer=answer, printed=printed, folder=folder)
        if code < 0:
            return f"it was ended by signal {-code}: {signal.strsignal(-code)}"
        return "it left no answer"

    async def _run(
        self, request: BinaryIO, *, answer: BinaryIO, printed: BinaryIO, folder: Path
    ) -> int:
        """Return the exit code, or the signal that ended it as a negative number."""
        try:
            process = await asyncio.create_subprocess_exec(
                self.python,
                # Isolated: no folder, and no variable of the environment, is where modules are.
                "-I",
                "-B",
                _WORKER,
                stdin=request,
                stdout=answer,
                stderr=printed,
                cwd=folder,
                env={"HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", **_ONE_THREAD},
                start_new_session=True,
            )
        except OSError as error:
            told = f"the interpreter for it cannot be started: {error.strerror}"
            raise ForeignCodeError(told) from error
        try:
            async with asyncio.timeout(self.timeout_s):
                code = await process.wait()
        except TimeoutError:
            told = f"it took longer than {self.timeout_s:g} s"
            raise ForeignCodeError(told) from None
        finally:
            # Its children too; process ids are given out in turn, so nobody else has this one yet.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return code
