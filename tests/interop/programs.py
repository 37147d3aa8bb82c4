"""A program that runs beside the tests, and what it prints; nothing here knows what it does."""

import os
import re
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LONG_S = 60.0
"""Longer than anything takes on a busy machine."""
_TAIL = 40
_GRACE_S = 10


class ProgramError(AssertionError):
    """The program did not do what was waited for; the message ends with what it printed last."""


class Program:
    """Everything that it prints is kept, line by line; errors and output alike."""

    def __init__(self, name: str, command: Sequence[str | Path], *, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._command = [str(part) for part in command]
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._is_over = False
        folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            self._command,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "1000"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name=f"read {name}", daemon=True)
        self._reader.start()

    def __repr__(self) -> str:
        return f"<Program {self.name}>"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    @property
    def printed(self) -> int:
        """How many lines it has printed; `saw` can be told to look from there on."""
        return len(self._lines)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with (self._folder / "output.log").open("a", encoding="utf-8") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
                with self._news:
                    self._lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._is_over = True
            self._news.notify_all()

    def saw(self, pattern: str, *, since: int = 0, within_s: float = LONG_S) -> re.Match[str]:
        """Return the first line that matches, as soon as it is there.

        Raises:
            ProgramError: the program ended without it, or it did not come in time.
        """
        wanted = re.compile(pattern)
        seen = since
        found: re.Match[str] | None = None

        def look() -> bool:
            nonlocal seen, found
            while found is None and seen < len(self._lines):
                found = wanted.search(self._lines[seen])
                seen += 1
            return found is not None or self._is_over

        with self._news:
            self._news.wait_for(look, timeout=within_s)
        if found is None:
            raise ProgramError(
                f"{self.name} never said {pattern!r}; all that it said is in"
                f" {self._folder / 'output.log'}, and ends with\n{self.tail()}"
            )
        return found

    def saw_again(self, pattern: str, *, times: int) -> None:
        """Return once so many lines in all match.

        Raises:
            ProgramError: as `saw`.
        """
        since = 0
        for _ in range(times):
            self.saw(pattern, since=since)
            since = 1 + next(
                number
                for number, line in enumerate(self._lines[since:], since)
                if re.search(pattern, line)
            )

    def count(self, pattern: str) -> int:
        """Return how many lines match so far."""
        return sum(1 for line in self._lines if re.search(pattern, line))

    def tail(self) -> str:
        """Return what it printed last."""
        return "\n".join(self._lines[-_TAIL:])

    def tell(self, line: str) -> None:
        """Write a line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def finish(self, *, within_s: float) -> int:
        """Wait until it has done what it was started for; return its exit code."""
        return self._wait(within_s)

    def kill(self) -> None:
        """Take it away at once, as a power cut does."""
        self._process.kill()
        self._wait()

    def stop(self) -> int:
        """Ask it to end, and make it where it does not; return its exit code."""
        self._process.terminate()
        return self._wait()

    def _wait(self, within_s: float = _GRACE_S) -> int:
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                _close(stream)
        return code


def _close(stream: Any) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        # What it was told last, it did not read.
        return
