"""Which names may be given, and who may act under them."""

import unicodedata

from director.core.model import Caller
from director.errors import ForbiddenError, InvalidNameError

# Control characters and surrogates; the line and paragraph separators break log lines as well.
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Formats such as a change of direction, and what has no meaning, or one of its owner's.
_UNSEEN = frozenset({"Cf", "Cn", "Co"})
# Fillers that count as letters, marks that join nothing, and a pattern of no dots.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Some scripts are not written without these, and pictures of several parts; between two characters
# of such.
_JOINERS = frozenset("\u200c\u200d")
# They choose how the character before them looks.
_VARIANTS = frozenset(
    map(chr, (*range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)

_MAX_BYTES = 255
"""In UTF-8: envoys keep an experiment in a folder of its name, and file systems take no more."""

_SHOWN_LENGTH = 40
_HAS_CONTROL = "has control characters"


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
    size_bytes = len(name.encode(errors="surrogatepass"))
    if size_bytes > _MAX_BYTES:
        return f"has {size_bytes} bytes in UTF-8, and {_MAX_BYTES} are allowed"
    if name in {".", ".."} or "/" in name or "\\" in name:
        return "looks like a path"
    if name != name.strip():
        return "begins or ends with white space"
    return _fault_in(name)


def _fault_in(name: str) -> str | None:
    # Almost every name takes the short way; an experiment may have ten thousand.
    if name.isascii():
        return None if name.isprintable() else _HAS_CONTROL
    for before, character, after in zip(f" {name}", name, f"{name[1:]} ", strict=False):
        category = unicodedata.category(character)
        if category in _CONTROL:
            return _HAS_CONTROL
        if character in _JOINERS:
            is_seen = _may_join(before) and _may_join(after)
        elif character in _VARIANTS:
            is_seen = _may_join(before) and before not in _VARIANTS
        else:
            is_seen = category not in _UNSEEN and character not in _FILLERS
        if not is_seen:
            return "has characters that cannot be seen"
    return None


def _may_join(character: str) -> bool:
    is_invisible = character in _JOINERS or character in _FILLERS
    return not character.isascii() and not is_invisible


def _shown(name: str) -> str:
    # ascii() also keeps surrogates out of the message, which could not be sent otherwise.
    return ascii(name) if len(name) <= _SHOWN_LENGTH else ascii(name[:_SHOWN_LENGTH]) + "…"
