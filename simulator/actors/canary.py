"""A bird that sings when somebody runs what came in an archive; nobody may ever hear it.

The pickles, modules and templates that our workspaces carry all lead here.
"""

from collections import Counter

_SONGS: Counter[str] = Counter()


def sing(*_: object, **__: object) -> None:
    """Be heard; takes whatever a caller of foreign code might pass."""
    _SONGS["sung"] += 1


def songs() -> int:
    """How often it has sung in this process."""
    return _SONGS["sung"]
