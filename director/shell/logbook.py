"""Log lines that a person can follow, each with who spoke and of which experiment."""

import logging

from director.core.model import Caller

log = logging.getLogger("director")


def note(
    message: str,
    *values: object,
    caller: Caller | None = None,
    experiment: str = "",
    level: int = logging.INFO,
) -> None:
    """Write one line; caller and experiment also travel as fields, for logs that are machines'."""
    if not log.isEnabledFor(level):
        return
    marks = {"caller": "" if caller is None else caller.name, "experiment": experiment}
    # Quoted: a caller's name in plaintext may be anything, line breaks included.
    shown = " ".join(f"{key}={value!a}" for key, value in marks.items() if value)
    if shown:
        message, values = f"{message} [%s]", (*values, shown)
    log.log(level, message, *values, extra=marks)
