"""Who is meant: groups, labels and picks, the same for the targets of faults and for `to:`."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)


class Kind(StrEnum):
    """What sort of actor somebody is."""

    ENVOY = "envoy"
    FRONTEND = "frontend"
    ATTACKER = "attacker"
    """Brought in by a fault; there for one attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who takes part in a scenario."""

    id: str
    kind: Kind
    group: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


Roster = Sequence[Member]
"""Everybody in a scenario, in the order of the file."""


class UnknownTargetError(ValueError):
    """There is nobody of that name; `known` are the names that would have been understood."""

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no {what} {name!r}")
        self.what = what
        self.name = name
        self.known = tuple(known)


# ---------------------------------------------------------------- how many

_WORDS: dict[str, Callable[[int], int]] = {
    "one": lambda _: 1,
    "all": lambda among: among,
    "minority": lambda among: (among - 1) // 2,
    "majority": lambda among: among // 2 + 1,
}
_COUNT = re.compile(r"\d+")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


@dataclass(frozen=True, slots=True)
class Pick:
    """How many of those who are meant: a word, a number or a percentage."""

    text: str = "all"

    def __post_init__(self) -> None:
        """Raises ValueError where the text is none of these."""
        percent = _PERCENT.fullmatch(self.text)
        if percent is not None and float(percent[1]) <= 100:  # noqa: PLR2004 - the whole
            return
        if self.text not in _WORDS and not _COUNT.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is not a pick: write {', '.join(_WORDS)}, 3 or 30%")

    def of(self, among: int) -> int:
        """Return how many that is; a percentage of somebody is at least one, never more than all.

        A minority is less than half and a majority more than half, as for a quorum.
        """
        if self.text in _WORDS:
            return min(among, _WORDS[self.text](among))
        if _COUNT.fullmatch(self.text):
            return min(among, int(self.text))
        share = float(self.text.rstrip("% ")) / 100
        return min(among, max(1, math.floor(share * among + 0.5))) if share else 0


def _pick(written: object) -> object:
    if isinstance(written, Pick):
        return written
    is_plain = isinstance(written, str | int) and not isinstance(written, bool)
    return Pick(str(written).strip() if is_plain else repr(written))


_PICK_SCHEMA = {
    "anyOf": [
        {"enum": list(_WORDS)},
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%?$"},
    ]
}
_Pick = Annotated[
    Pick,
    BeforeValidator(_pick),
    PlainSerializer(lambda pick: pick.text, return_type=str),
    WithJsonSchema(_PICK_SCHEMA),
]


# ---------------------------------------------------------------- who

_AT = re.compile(r"@([^@:\s]+)(?::([^@:\s]+))?")


def _or_text(schema: dict[str, Any]) -> None:
    mapping = dict(schema)
    schema.clear()
    text = {"type": "string", "pattern": rf"^(all|{_AT.pattern})$"}
    schema["anyOf"] = [text, mapping]


class Selector(BaseModel):
    """Whom a fault hits; written `{group: hospital, pick: 30%}` or `"@hospital:eu"`."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_or_text)

    group: str | None = None
    envoy: str | None = None
    frontend: str | None = None
    all: bool = False
    """Everybody whom the fault can hit."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Only those who have all of these."""
    pick: _Pick = Pick()
    spawn: bool = False
    """Bring in an attacker of that name at each firing; it is nobody who is there."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, written: object) -> object:
        if not isinstance(written, str):
            return written
        if written == "all":
            return {"all": True}
        match = _AT.fullmatch(written)
        if match is None:
            raise ValueError(f"{written!r} is not a selector: write '@group', '@group:label', all")
        group, label = match.groups()
        return {"group": group} if label is None else {"group": group, "labels": {ANY: label}}

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        named = [key for key in ("group", "envoy", "frontend", "all") if getattr(self, key)]
        if len(named) != 1:
            raise ValueError(
                f"{named[0]!r} and {named[1]!r} contradict each other: keep one"
                if named
                else "nobody is named: give a group, an envoy, a frontend, or all: true"
            )
        if self.spawn and named[0] in {"group", "all"}:
            raise ValueError(
                "an attacker who is brought in has one name: write 'frontend: mallory'"
            )
        if (self.labels or self.pick != Pick()) and named[0] in {"envoy", "frontend"}:
            raise ValueError(f"{named[0]!r} names one actor: there is nothing to pick from")
        return self

    @property
    def attacker(self) -> str | None:
        """The name of the attacker to bring in, where one is."""
        return (self.frontend or self.envoy) if self.spawn else None

    def pool(self, roster: Roster, reach: Sequence[Kind] = tuple(Kind)) -> tuple[Member, ...]:
        """Return everybody who may be picked.

        Raises:
            UnknownTargetError: nobody has that name.
        """
        if self.attacker is not None:
            return (Member(id=self.attacker, kind=Kind.ATTACKER),)
        if self.all:
            meant = [member for member in roster if member.kind in reach]
        elif self.group is not None:
            meant = [member for member in roster if member.group == self.group]
            _found(meant, "group", self.group, [m.group for m in roster if m.group])
        else:
            kind = Kind.ENVOY if self.envoy is not None else Kind.FRONTEND
            name = self.envoy or self.frontend or ""
            others = [member for member in roster if member.kind is kind]
            meant = [member for member in others if member.id == name]
            _found(meant, kind.value, name, [member.id for member in others])
        return tuple(member for member in meant if _is_labelled(member, self.labels))

    def choose(self, pool: Sequence[str], random: Random, *, among: int | None = None) -> list[str]:
        """Return those who are hit, in the order of the pool, chosen by chance.

        `among` is how many there are where the pool is only a part of them (the living).
        """
        number = self.pick.of(len(pool) if among is None else among)
        if number >= len(pool):
            return list(pool)
        chosen = frozenset(random.sample(range(len(pool)), number))
        return [name for index, name in enumerate(pool) if index in chosen]


ANY = "*"
"""The key of a label that may stand under any key, as in `@hospital:eu`."""


def _found(meant: Sequence[Member], what: str, name: str, known: Sequence[str]) -> None:
    if not meant:
        raise UnknownTargetError(what, name, list(dict.fromkeys(known)))


def _is_labelled(member: Member, labels: Mapping[str, str]) -> bool:
    return all(
        value in member.labels.values() if key == ANY else member.labels.get(key) == value
        for key, value in labels.items()
    )


def recipients(to: str | Sequence[str], roster: Roster) -> tuple[str, ...]:
    """Return the envoys that a frontend's `to:` means: selector text, an id, or a list of these.

    Raises:
        UnknownTargetError: there is no such envoy, group, or labelled envoy.
    """
    parts = [to] if isinstance(to, str) else to
    return tuple(dict.fromkeys(name for part in parts for name in _recipients(part, roster)))


def _recipients(part: str, roster: Roster) -> Sequence[str]:
    if part != "all" and not part.startswith("@"):
        envoys = [member.id for member in roster if member.kind is Kind.ENVOY]
        if part not in envoys:
            raise UnknownTargetError("envoy", part, envoys)
        return [part]
    pool = Selector.model_validate(part).pool(roster, [Kind.ENVOY])
    if not pool:
        group, _, label = part.removeprefix("@").partition(":")
        labels = [v for m in roster if m.group == group for v in m.labels.values()]
        known = [f"@{group}:{value}" for value in dict.fromkeys(labels)]
        raise UnknownTargetError(f"envoy of {group!r} labelled", label, known)
    return [member.id for member in pool]
