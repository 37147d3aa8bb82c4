"""The catalogue of faults as people read it: `simulate faults`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from simulator.faults import CATALOGUE
from simulator.faults.base import FaultBase, Settings
from simulator.units import Duration, Share, Size, Spread

_QUANTITIES: Sequence[tuple[object, str]] = (
    (Duration, "duration, such as 90s"),
    (Spread, "duration, or a spread of them"),
    (Share, "share, such as 30%"),
    (Size, "size, such as 8 MiB"),
    (bool, "true or false"),
    (int, "number"),
    (str, "text"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One key of a fault's `with:`."""

    name: str
    kind: str
    is_required: bool
    default: str
    """As a scenario would write it; "" where leaving it out means something of its own."""
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a fault is, for a person who wants to use it."""

    name: str
    summary: str
    targets: str
    chance: str
    parameters: tuple[Parameter, ...]


def describe_faults() -> Sequence[Description]:
    """Return every fault of the catalogue, in its order."""
    return [_describe(fault) for fault in CATALOGUE]


def _describe(fault: type[FaultBase]) -> Description:
    with_ = fault.model_fields.get("with_")
    settings: Any = with_.annotation if with_ is not None else None
    return Description(
        name=fault.name(),
        summary=fault.summary(),
        targets=", ".join(f"{kind}s" for kind in fault.reach) or "the Director",
        chance=fault.rolls.value,
        parameters=_parameters(settings) if settings is not None else (),
    )


def _parameters(settings: type[Settings]) -> tuple[Parameter, ...]:
    hints = get_type_hints(settings, include_extras=True)
    return tuple(
        Parameter(
            name=name,
            kind=kind(hints[name]),
            is_required=field.is_required(),
            default=_default(hints[name], field),
            summary=field.description or "",
        )
        for name, field in settings.model_fields.items()
    )


def _is(hint: Any, quantity: object) -> bool:
    """Whether a hint is that quantity, with or without further limits."""
    if hint == quantity or get_origin(hint) is not Annotated:
        return bool(hint == quantity)
    own = get_args(quantity) if get_origin(quantity) is Annotated else (quantity,)
    return get_args(hint)[: len(own)] == own


def kind(hint: Any) -> str:
    """Return what to write there, in words."""
    for quantity, words in _QUANTITIES:
        if _is(hint, quantity):
            return words
    arguments = get_args(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return " | ".join(hint)
    if get_origin(hint) is Literal:
        return " | ".join(str(argument) for argument in arguments)
    if get_origin(hint) is tuple:
        return f"list of {kind(arguments[0])}"
    # Annotated, or a union: the first part is what it is about.  A mapping has more to it.
    return kind(arguments[0]) if get_origin(hint) in {Annotated, Union, UnionType} else "mapping"


def _default(hint: Any, field: FieldInfo) -> str:
    match field.default:
        case None | ():
            return ""
        case bool(truth):
            return str(truth).lower()
        case float(quantity) if _is(hint, Share):
            return f"{quantity:.0%}"
        case float(quantity):
            return f"{quantity:g}s"
        case tuple(several):
            return ", ".join(several)
        case other:
            return "" if field.is_required() else str(other)
