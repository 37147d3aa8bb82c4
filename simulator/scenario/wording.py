"""The words for what pydantic finds wrong: written for somebody who wrote YAML, not Python."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from simulator.faults.describe import kind
from simulator.scenario.document import Plain
from simulator.scenario.problem import Path, closest

_MANY = 12
"""More choices than these are not listed where one of them was probably meant."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What to say of an error, and where exactly to point."""

    message: str
    suggestion: str | None = None
    further: Path = ()
    """Where to point, from where the error stands."""
    is_about_key: bool = False


@dataclass(frozen=True, slots=True)
class _Error:
    """One of pydantic's errors, and what is known of its place."""

    context: Mapping[str, Any]
    name: str
    value: Plain
    hint: Any
    known: Sequence[str]
    """Keys that would have been understood beside it."""


def worded(
    details: ErrorDetails, *, name: str, value: Plain, hint: Any, known: Sequence[str]
) -> Wording:
    """Return our words for an error; `value` is what stands in the file, under the key `name`."""
    context = details.get("ctx", {})
    error = _Error(context=context, name=name, value=value, hint=hint, known=known)
    kind_of_error = details["type"]
    if kind_of_error in _WORDINGS:
        return _WORDINGS[kind_of_error](error)
    if kind_of_error.endswith(("_type", "_parsing", "_from_float")):
        return Wording(f"expected {_expected(kind_of_error, hint)}, not {_told(value)}")
    message = details["msg"].removeprefix("Input ")
    return Wording(message[:1].lower() + message[1:])


def _unknown_key(error: _Error) -> Wording:
    suggestion = closest(error.name, error.known)
    known = "" if suggestion else f" (known: {', '.join(error.known)})"
    return Wording(f"unknown key {error.name!r}{known}", suggestion, is_about_key=True)


def _unknown_tag(error: _Error) -> Wording:
    """Return words for a union whose branch is told by a key's value, or by the key itself."""
    tag, choices = str(error.context["tag"]), _choices(error.context["expected_tags"])
    suggestion = closest(tag, choices)
    listed = "" if suggestion else f" (known: {', '.join(choices)})"
    key = _quoted(error.context["discriminator"])
    if key is not None:
        return Wording(f"unknown {key} {tag!r}{listed}", suggestion, (key,))
    return Wording(f"unknown key {tag!r}{listed}", suggestion, (tag,), is_about_key=True)


def _no_tag(error: _Error) -> Wording:
    key = _quoted(error.context["discriminator"])
    if key is not None and isinstance(error.value, dict):
        return Wording(f"{key!r} is missing")
    return Wording(f"expected a mapping, not {_told(error.value)}")


def _not_one_of(error: _Error) -> Wording:
    choices = _choices(error.context["expected"])
    if not choices:
        return Wording(f"expected {error.context['expected']}, not {_told(error.value)}")
    suggestion = closest(str(error.value), choices)
    if suggestion and len(choices) > _MANY:
        return Wording(f"{_told(error.value)} is not known here", suggestion)
    return Wording(f"{_told(error.value)} is not one of {', '.join(choices)}", suggestion)


def _too_few(error: _Error) -> Wording:
    least = error.context["min_length"]
    return Wording("must not be empty" if least == 1 else f"needs at least {least}")


def _bounded(words: str, bound: str) -> Callable[[_Error], Wording]:
    def word(error: _Error) -> Wording:
        return Wording(f"{_told(error.value)} is {words} {error.context[bound]:g}")

    return word


def _pattern(error: _Error) -> Wording:
    return Wording(
        f"{_told(error.value)} is not a name: letters, digits, '.', '_' and '-', "
        "the first of them a letter or digit"
    )


_WORDINGS: Mapping[str, Callable[[_Error], Wording]] = {
    "missing": lambda error: Wording(f"{error.name!r} is missing"),
    "extra_forbidden": _unknown_key,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": _no_tag,
    "literal_error": _not_one_of,
    "enum": _not_one_of,
    "greater_than": _bounded("not more than", "gt"),
    "greater_than_equal": _bounded("less than", "ge"),
    "less_than": _bounded("not less than", "lt"),
    "less_than_equal": _bounded("more than", "le"),
    "finite_number": lambda error: Wording(f"{_told(error.value)} is not a finite number"),
    "string_pattern_mismatch": _pattern,
    "string_too_short": _too_few,
    "too_short": _too_few,
    "string_too_long": lambda error: Wording(
        f"is longer than {error.context['max_length']} characters"
    ),
    "value_error": lambda error: Wording(str(error.context["error"])),
    "misfit": lambda error: Wording(
        error.context["message"], error.context["suggestion"], tuple(error.context["path"])
    ),
}
"""By pydantic's name of the error; those of types and their parsing have words of their own."""


def _choices(expected: object) -> list[str]:
    """Return what pydantic lists as `'a', 'b' or 'c'`."""
    return re.findall(r"'([^']*)'", str(expected))


def _quoted(discriminator: object) -> str | None:
    """Return the key that tells a union's branches apart; None where a function does."""
    choices = _choices(discriminator)
    return choices[0] if choices else None


def _told(value: Plain) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return repr(value)
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return str(value)


_FAMILIES = {"string": "text", "bool": "true or false", "tuple": "a list", "model": "a mapping"}


def _expected(error: str, hint: Any) -> str:
    if hint is None:
        family = error.partition("_")[0]
        return _FAMILIES.get(family, "something else")
    words = kind(hint)
    if words.count(" | ") > _MANY:
        return "a list of names"
    if " | " in words and not words.startswith("list"):
        return f"one of {words.replace(' | ', ', ')}"
    return words if words in {"text", "true or false"} else f"a {words}"
