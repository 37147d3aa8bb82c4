"""How log lines look: text that a person can follow, or a JSON object a line for machines.

Whatever a caller calls itself or its experiments, one record is one line and its traceback.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Literal, TextIO

from typing_extensions import override

from director import stray_lines
from director.shell.logbook import marks_of

LogFormat = Literal["text", "json"]


class TextLines(logging.Formatter):
    """Time, level, message, and in brackets who asked and about which experiment."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        # Quoted: a caller's name in plaintext may be anything.
        marks = marks_of(record)._asdict()
        shown = " ".join(f"{key}={value!a}" for key, value in marks.items() if value)
        record.message = _on_one_line(f"{record.message} [{shown}]" if shown else record.message)
        return super().formatMessage(record)


class JsonLines(logging.Formatter):
    """One object a line, in ASCII; a traceback is text in its field `exception`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{seconds}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **marks_of(record)._asdict(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


FORMATTERS: Mapping[LogFormat, Callable[[], logging.Formatter]] = MappingProxyType(
    {"text": TextLines, "json": JsonLines}
)


def log_to_standard_error(
    log_format: LogFormat, *, level: str, stream: TextIO | None = None
) -> None:
    """Write every line of this process from a level on, libraries' lines included.

    With a stream, they are written to that instead.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[log_format]())
    logging.basicConfig(level=level.upper(), handlers=[handler])


@contextmanager
def standard_error_logged(log_format: LogFormat, *, level: str) -> Iterator[None]:
    """As `log_to_standard_error`, for a program that is the Director and nothing else.

    In a log for machines, also what others write to standard error becomes a record.
    """
    if log_format == "text":
        log_to_standard_error(log_format, level=level)
        yield
        return
    with stray_lines.logged() as stream:
        log_to_standard_error(log_format, level=level, stream=stream)
        yield


def _on_one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
