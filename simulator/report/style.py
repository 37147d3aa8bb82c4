"""How reports write times, numbers and statuses: one way for all of them."""

from collections.abc import Mapping

STATUS_STYLES: Mapping[str, str] = {
    "pending": "dim",
    "in_progress": "cyan",
    "finished": "blue",
    "failed": "bold red",
    "rejected": "magenta",
    "removed": "dim",
}
"""Colours of experiment statuses on a terminal; the word always stands beside the colour."""

_GAP = "\N{NARROW NO-BREAK SPACE}"
_HARMLESS = f"\n{_GAP}"
_MINUTE_S = 60
_HOUR_S = 3600


def clock(seconds: float) -> str:
    """Return a time of the run as people read it: 04:09.5, or 1:04:09."""
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    if whole >= _HOUR_S:
        return f"{whole // _HOUR_S}:{whole % _HOUR_S // _MINUTE_S:02}:{whole % _MINUTE_S:02}"
    return f"{whole // _MINUTE_S:02}:{whole % _MINUTE_S:02}.{tenth}"


def duration(seconds: float) -> str:
    """Return a length of time with its unit: 1.3 ms, 25 s, 4.2 min."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.3g} s"
    return f"{seconds / _MINUTE_S:.3g} min"


def thousands(number: int) -> str:
    """Return a count whose digits are grouped: 12 480."""
    return f"{number:,}".replace(",", _GAP)


def size(count: int) -> str:
    """Return bytes with their unit: 8 MiB."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:  # noqa: PLR2004 - what KiB means
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} GiB"


def readable(words: str) -> str:
    """Return a text that steers no terminal and breaks no document, whoever made it up.

    Attackers name their experiments; control characters and lone surrogates are shown as escapes.
    """
    if words.isprintable():
        return words
    return "".join(
        char if char.isprintable() or char in _HARMLESS else char.encode("unicode_escape").decode()
        for char in words
    )
