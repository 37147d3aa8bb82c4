"""The text of a plan as plain values, and the ids that OpenFL derives from it.

PyYAML reads it, because OpenFL's ids are a hash of what PyYAML writes of it again.  Its half in C
is much quicker, and a little stricter: what it refuses, the half in Python reads.  Envoys have only
the latter; so a plan is taken if that one finds the same in what we write of it.
Which values a plan may have is not judged here.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    ScalarEvent,
)

from director.errors import InvalidArchiveError, LimitExceededError
from director.workspace.limits import ArchiveLimits

PLAN_MEMBER = "plan/plan.yaml"
_PLAN_NAME = "plan.yaml"
_LONG_NUMBER = re.compile(r"[-+0-9_:.]{1000,}")
"""To the base of 60, as YAML 1.1 allows, such a number takes seconds."""
_SET = "tag:yaml.org,2002:set"

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

Config = dict[str, dict[object, object]]
"""Sections by name."""

_UNREADABLE = (
    yaml.YAMLError,
    # What PyYAML's constructors let through on ill-formed numbers, dates and explicit tags.
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def read_config(text: str, limits: ArchiveLimits) -> Config:
    """Return the sections of an uploaded plan.

    Raises:
        InvalidArchiveError: it is not YAML, or not made of sections.
        LimitExceededError: it is too deep or too large, aliases counted as what they stand for.
    """
    try:
        try:
            _check_shape(text, limits, _Loader)
        except yaml.YAMLError:
            _check_shape(text, limits, yaml.SafeLoader)
        config = _loaded(text)
    except _UNREADABLE as error:
        raise InvalidArchiveError(f"{PLAN_MEMBER} is not readable YAML{_place(error)}") from error
    if not is_config(config):
        raise InvalidArchiveError(f"{PLAN_MEMBER} is not a mapping of sections")
    _check_stable(config)
    return config


def is_config(value: object) -> TypeGuard[Config]:
    """Whether it maps section names to mappings, as OpenFL needs it."""
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(section, dict) for name, section in value.items()
    )


def readdressed(text: str, *, agg_addr: str, agg_port: int, hash_salt: str) -> str:
    """Return an accepted plan that sends collaborators elsewhere, under an id of its own."""
    config: Config = _loaded(text)
    network = config.get("network", {})
    settings = network.get("settings")
    address = {"agg_addr": agg_addr, "agg_port": agg_port, "hash_salt": hash_salt}
    # Copies, because an alias may make another section the same object.
    kept = settings if isinstance(settings, dict) else {}
    config["network"] = {**network, "settings": {**kept, **address}}
    return _written(config)


def federation_id(plan_text: str) -> str:
    """Return the id under which a collaborator that was given this plan speaks to us."""
    config: Config = yaml.safe_load(plan_text)  # as they do
    for section in config.values():
        if section.get("settings") is None:
            section["settings"] = {}
    digest = hashlib.sha384(yaml.dump(config).encode()).hexdigest()
    return f"{_PLAN_NAME}_{digest[:8]}"


def aggregator_id(federation: str) -> str:
    """Return the name by which a collaborator of that federation addresses us."""
    return f"aggregator_{federation}"


# ---------------------------------------------------------------- before anything is built


@dataclass(slots=True)
class _Nodes:
    """Counts nodes, an alias as many times as its anchor has nodes; keeps watch on the depth."""

    limits: ArchiveLimits
    anchors: dict[str, int] = field(default_factory=dict)
    open_anchors: list[str | None] = field(default_factory=list)
    open_counts: list[int] = field(default_factory=lambda: [0])

    def take(self, event: Event) -> None:
        match event:
            case AliasEvent():
                self._add(self._expanded(event.anchor))
            case ScalarEvent():
                if _LONG_NUMBER.fullmatch(event.value):
                    raise LimitExceededError(f"{PLAN_MEMBER} has a number that is too long")
                self._close(event.anchor, 1)
            case CollectionStartEvent():
                self.open_anchors.append(event.anchor)
                self.open_counts.append(0)
                if event.tag == _SET:
                    raise InvalidArchiveError(f"{PLAN_MEMBER} has a set, which keeps no order")
                if len(self.open_anchors) > self.limits.max_yaml_depth:
                    raise LimitExceededError(f"{PLAN_MEMBER} is nested too deeply")
            case CollectionEndEvent():
                self._close(self.open_anchors.pop(), self.open_counts.pop() + 1)
            case _:
                pass

    def _expanded(self, anchor: str | None) -> int:
        # An anchor counts once it is closed: what contains itself is refused, too.
        if anchor is None or anchor not in self.anchors:
            raise InvalidArchiveError(f"{PLAN_MEMBER} has an alias of itself, or of nothing")
        return self.anchors[anchor]

    def _close(self, anchor: str | None, count: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = count
        self._add(count)

    def _add(self, count: int) -> None:
        self.open_counts[-1] += count
        if sum(self.open_counts) > self.limits.max_yaml_nodes:
            raise LimitExceededError(f"{PLAN_MEMBER} has too many values, aliases included")


def _check_shape(text: str, limits: ArchiveLimits, loader: type[yaml.SafeLoader]) -> None:
    nodes = _Nodes(limits)
    documents = 0
    for event in yaml.parse(text, Loader=loader):
        documents += isinstance(event, DocumentStartEvent)
        nodes.take(event)
    if documents != 1:
        raise InvalidArchiveError(f"{PLAN_MEMBER} is empty, or holds several documents")


def _check_stable(config: Config) -> None:
    """Refuse values that would be others once the plan was written with another address."""
    try:
        again = yaml.safe_load(_written(config))
    except _UNREADABLE as error:
        raise InvalidArchiveError(f"{PLAN_MEMBER} has values that cannot be written") from error
    if not _is_same(config, again):
        raise InvalidArchiveError(f"{PLAN_MEMBER} has values that change when they are written")


def _is_same(one: object, other: object) -> bool:
    """Whether two values would be written alike: with equal types, and in the same order."""
    if type(one) is not type(other):
        return False
    match one, other:
        case dict(), dict():
            return _are_same(list(one.items()), list(other.items()))
        case list(), list():
            return _are_same(one, other)
        case tuple(), tuple():
            return _are_same(one, other)
        case float(), float():
            return repr(one) == repr(other)  # what is no number differs from itself
        case _:
            return one == other


def _are_same(some: Sequence[object], others: Sequence[object]) -> bool:
    return len(some) == len(others) and all(
        _is_same(one, other) for one, other in zip(some, others, strict=True)
    )


def _loaded(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - which is a safe one
    except yaml.YAMLError:
        return yaml.safe_load(text)


def _written(config: Config) -> str:
    text: str = yaml.dump(config, Dumper=_Dumper, sort_keys=False)
    return text


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
