"""What a scenario may hold at a place, read off the models' own type hints.

Follows pydantic's error paths, in which the branches of unions have parts of their own.
"""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Tag


def descend(hint: Any, part: str | int) -> Any:
    """Return the hint one step further down, or None where it cannot be told."""
    first, *others = _members(_bare(hint))
    if others:
        members = (first, *others)
        return next((member for member in members if part in tuple(_labels(member))), None)
    bare = _bare(first)
    arguments = get_args(bare)
    match get_origin(bare):
        case None:
            return _field(bare, part)
        case origin if origin is tuple and isinstance(part, int):
            return arguments[0]
        case origin if isinstance(origin, type) and issubclass(origin, Mapping):
            return arguments[1]
        case _:
            return None


def keys_of(hint: Any) -> tuple[str, ...]:
    """Return the keys that a mapping may have there; of a union, those of all its branches."""
    return tuple(key for member in _members(_bare(hint)) for key in _keys(_bare(member)))


def _keys(bare: Any) -> Iterator[str]:
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        for name, field in bare.model_fields.items():
            yield field.alias or name


def _field(bare: Any, part: str | int) -> Any:
    if not isinstance(bare, type) or not issubclass(bare, BaseModel):
        return None
    for name, field in bare.model_fields.items():
        if part in {field.alias, name}:
            return get_type_hints(bare, include_extras=True)[name]
    return None


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _members(bare: Any) -> tuple[Any, ...]:
    if get_origin(bare) not in {Union, UnionType}:
        return (bare,)
    return tuple(member for member in get_args(bare) if member is not NoneType)


def _labels(member: Any) -> Iterator[str]:
    """Yield what pydantic may call one branch of a union."""
    yield from (extra.tag for extra in get_args(member)[1:] if isinstance(extra, Tag))
    bare = _bare(member)
    if not isinstance(bare, type):
        yield str(bare).replace("typing.", "")
        return
    yield bare.__name__
    type_ = bare.model_fields.get("type") if issubclass(bare, BaseModel) else None
    if type_ is not None and get_origin(type_.annotation) is Literal:
        yield from get_args(type_.annotation)
