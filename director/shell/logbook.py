"""Log lines that a person can follow, each with who asked and about which experiment.

How lines look is `director.log_lines`' business; both marks also travel as fields of the record.
"""

import logging
from contextvars import ContextVar
from typing import NamedTuple

from director.core.model import Caller

log = logging.getLogger("director")


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
            before.caller if caller is None else caller,
            before.experiment if experiment is None else experiment,
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
    marks = Marks(here.caller if caller is None else caller.name, experiment or here.experiment)
    log.log(level, message, *values, extra=marks._asdict())
