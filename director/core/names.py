"""Which names may be given, and who may act under them."""

import unicodedata

from director.core.model import Caller
from director.errors import ForbiddenError, InvalidNameError

# Control characters and surrogates; the line and paragraph separators break log lines as well.
_BAD_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
_SHOWN_LENGTH = 40


def check_name(name: str, *, what: str, max_length: int) -> None:
    """Let a name pass that is safe in a path, a log line and a terminal.

    Raises:
        InvalidNameError: telling what is wrong with it.
    """
    fault = _fault_of(name, max_length)
    if fault is not None:
        raise InvalidNameError(f"the {what} name {_shown(name)} is not usable: it {fault}")


def check_identity(caller: Caller, name: str) -> None:
    """Let a caller act under a name; only a certificate can contradict it.

    Raises:
        ForbiddenError: the certificate names somebody else.
    """
    if caller.is_authenticated and caller.name != name:
        raise ForbiddenError(caller.name, name)


def _fault_of(name: str, max_length: int) -> str | None:
    if not name:
        return "is empty"
    if len(name) > max_length:
        return f"has {len(name)} characters, and {max_length} are allowed"
    if name in {".", ".."} or "/" in name or "\\" in name:
        return "looks like a path"
    if _has_control_characters(name):
        return "has control characters"
    if name != name.strip():
        return "begins or ends with white space"
    return None


def _has_control_characters(name: str) -> bool:
    # Almost every name takes the short way; an experiment may have ten thousand.
    if name.isascii():
        return not name.isprintable()
    return any(unicodedata.category(character) in _BAD_CATEGORIES for character in name)


def _shown(name: str) -> str:
    # ascii() also keeps surrogates out of the message, which could not be sent otherwise.
    return ascii(name) if len(name) <= _SHOWN_LENGTH else ascii(name[:_SHOWN_LENGTH]) + "…"
