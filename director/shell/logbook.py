"""Log lines that a person can follow, each with who asked and about which experiment.

What others have sent is cut here, before it goes into a line or stays with a request.  How lines
look is `director.log_lines`' business; both marks also travel as fields of the record.
"""

import logging
from contextvars import ContextVar
from typing import NamedTuple

from director.core.model import Caller
from director.core.texts import abridged

log = logging.getLogger("director")


_MAX_NAME = 256
_MAX_TEXT = 2_000


class Marks(NamedTuple):
    """Who made the request that led to a line, and about which experiment; empty: nobody, none."""

    caller: str = ""
    experiment: str = ""


_UNMARKED = Marks()

# A request is answered by a task of its own, and what it begins inherits its marks.
_marks: ContextVar[Marks] = ContextVar("marks", default=_UNMARKED)


def mark(*, caller: str | None = None, experiment: str | None = None) -> None:
    """Let every line that follows from this request bear these marks; None leaves one as it is."""
    before = _marks.get()
    _marks.set(
        Marks(
            before.caller if caller is None else abridged(caller, _MAX_NAME),
            before.experiment if experiment is None else abridged(experiment, _MAX_NAME),
        )
    )


def marks_of(record: logging.LogRecord) -> Marks:
    """Return a record's marks; where it has none, those of the request that is being answered."""
    here = _marks.get()
    return Marks(
        getattr(record, "caller", here.caller), getattr(record, "experiment", here.experiment)
    )


def note(
    message: str,
    *values: object,
    caller: Caller | None = None,
    experiment: str = "",
    level: int = logging.INFO,
) -> None:
    """Write one line; what it does not say of caller and experiment, the request's marks say."""
    if not log.isEnabledFor(level):
        return
    here = _marks.get()
    marks = Marks(
        here.caller if caller is None else abridged(caller.name, _MAX_NAME),
        abridged(experiment, _MAX_NAME) or here.experiment,
    )
    log.log(level, message, *map(_shown, values), extra=marks._asdict())


def _shown(value: object) -> object:
    return abridged(value, _MAX_TEXT) if isinstance(value, str) else value
