"""Typed reading of JSON values, so that who judges a record need not doubt what it holds.

A field that is missing or of another type is a damaged record and says so; it is never guessed.
"""

from collections.abc import Mapping, Sequence

from simulator.history.entry import Json, JsonObject


class RecordError(ValueError):
    """A record does not hold what it must; the message names the field and what is there."""


def text(value: JsonObject, name: str, default: str | None = None) -> str:
    """Return a text field; the default where the field is missing.

    Raises:
        RecordError: it is missing and has no default, or is no text.
    """
    found = _field(value, name, default)
    if isinstance(found, str):
        return found
    raise _wrong(name, "a text", found)


def number(value: JsonObject, name: str, default: float | None = None) -> float:
    """Return a number field; the default where the field is missing.

    Raises:
        RecordError: it is missing and has no default, or is no number.
    """
    return as_number(_field(value, name, default), name)


def whole(value: JsonObject, name: str, default: int | None = None) -> int:
    """Return an integer field; the default where the field is missing.

    Raises:
        RecordError: it is missing and has no default, or is no integer.
    """
    found = _field(value, name, default)
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    raise _wrong(name, "a whole number", found)


def flag(value: JsonObject, name: str, *, default: bool | None = None) -> bool:
    """Return a true-or-false field; the default where the field is missing.

    Raises:
        RecordError: it is missing and has no default, or is neither true nor false.
    """
    found = _field(value, name, default)
    if isinstance(found, bool):
        return found
    raise _wrong(name, "true or false", found)


def items(value: JsonObject, name: str) -> Sequence[Json]:
    """Return a list field.

    Raises:
        RecordError: it is missing, or is no list.
    """
    found = _field(value, name, None)
    if isinstance(found, Sequence) and not isinstance(found, str):
        return found
    raise _wrong(name, "a list", found)


def table(value: JsonObject, name: str) -> JsonObject:
    """Return an object field.

    Raises:
        RecordError: it is missing, or is no object.
    """
    return as_table(_field(value, name, None), name)


def texts(value: JsonObject, name: str) -> tuple[str, ...]:
    """Return a field that is a list of texts.

    Raises:
        RecordError: it is missing, or holds anything else.
    """
    found = items(value, name)
    return tuple(as_text(item, name) for item in found)


def tables(value: JsonObject, name: str) -> Sequence[JsonObject]:
    """Return a field that is a list of objects.

    Raises:
        RecordError: it is missing, or holds anything else.
    """
    found = items(value, name)
    return tuple(as_table(item, name) for item in found)


def as_table(value: Json, what: str) -> JsonObject:
    """Return the value as an object; `what` names it where it is none.

    Raises:
        RecordError: it is no object.
    """
    if isinstance(value, Mapping):
        return value
    raise _wrong(what, "an object", value)


def as_text(value: Json, what: str) -> str:
    """Return the value as a text; `what` names it where it is none.

    Raises:
        RecordError: it is no text.
    """
    if isinstance(value, str):
        return value
    raise _wrong(what, "a text", value)


def as_number(value: Json, what: str) -> float:
    """Return the value as a number; `what` names it where it is none.

    Raises:
        RecordError: it is no number.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _wrong(what, "a number", value)


def _field(value: JsonObject, name: str, default: Json) -> Json:
    found = value.get(name, default)
    if found is None and name not in value:
        raise RecordError(f"{name!r} is missing; there are {sorted(value)}")
    return found


def _wrong(name: str, expected: str, found: Json) -> RecordError:
    return RecordError(f"{name!r} is to be {expected}, but is {found!r}")
