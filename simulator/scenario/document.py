"""A YAML file as a tree that remembers where everything stands.

YAML 1.2: `on`, `no`, `12:30` and dates are text.  Knows nothing of scenarios.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from simulator.scenario.problem import NOWHERE, Mark, Path, Problems

Scalar = None | bool | int | float | str
Plain = Scalar | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value."""

    mark: Mark
    value: Scalar

    def plain(self) -> Plain:
        """Return the value alone."""
        return self.value


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    mark: Mark
    items: tuple["Node", ...]

    def plain(self) -> Plain:
        """Return the values alone."""
        return [item.plain() for item in self.items]


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping, with the place of every key."""

    mark: Mark
    marks: Mapping[str, Mark]
    values: Mapping[str, "Node"]

    def plain(self) -> Plain:
        """Return the values alone."""
        return {key: value.plain() for key, value in self.values.items()}

    def set(self, key: str, value: "Node") -> "Keys":
        """Return a copy in which a key has another value."""
        marks = self.marks if key in self.marks else {**self.marks, key: value.mark}
        return replace(self, marks=marks, values={**self.values, key: value})


Node = Leaf | Items | Keys


# ---------------------------------------------------------------- looking around


def at(node: Node | None, *path: str | int) -> Node | None:
    """Return what stands there, if anything does."""
    for part in path:
        match node, part:
            case Keys(values=values), str(key):
                node = values.get(key)
            case Items(items=items), int(index) if index < len(items):
                node = items[index]
            case _:
                return None
    return node


def each(node: Node | None, *path: str | int) -> Sequence[tuple[Path, Node]]:
    """Return the items of the list that stands there, with their paths."""
    found = at(node, *path)
    if not isinstance(found, Items):
        return ()
    return [((*path, index), item) for index, item in enumerate(found.items)]


def text(node: Node | None, *path: str | int) -> str | None:
    """Return the text that stands there, if it is text."""
    found = at(node, *path)
    return found.value if isinstance(found, Leaf) and isinstance(found.value, str) else None


def mark_of(root: Node, path: Path, *, key: bool = False) -> Mark:
    """Return where a value stands (or its key), or the nearest place that there is."""
    node: Node | None = root
    mark = root.mark
    for index, part in enumerate(path):
        parent, node = node, at(node, part)
        if node is None:
            return mark
        is_last = index == len(path) - 1
        if isinstance(parent, Keys) and isinstance(part, str) and key and is_last:
            return parent.marks[part]
        mark = node.mark
    return mark


def mapped(node: Node, change: Callable[[Leaf, Path], Leaf], path: Path = ()) -> Node:
    """Return a copy with every single value changed."""
    match node:
        case Leaf():
            return change(node, path)
        case Items(items=items):
            changed = [mapped(item, change, (*path, index)) for index, item in enumerate(items)]
            return replace(node, items=tuple(changed))
        case Keys(values=values):
            named = {key: mapped(value, change, (*path, key)) for key, value in values.items()}
            return replace(node, values=named)


# ---------------------------------------------------------------- reading


class _Reader:
    """Turns ruamel's nodes into ours."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: list[int] = []

    def read(self, node: Any, path: Path) -> Node:
        mark = Mark(node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in self._open:
            self._problems.add(mark, path, "an alias must not stand inside what it means")
            return Leaf(mark, None)
        self._open.append(id(node))
        try:
            return self._read(node, mark, path)
        finally:
            self._open.pop()

    def _read(self, node: Any, mark: Mark, path: Path) -> Node:
        match node:
            case ScalarNode():
                return Leaf(mark, self._scalar(node, mark, path))
            case SequenceNode():
                items = enumerate(node.value)
                return Items(mark, tuple(self.read(item, (*path, i)) for i, item in items))
            case MappingNode():
                return self._keys(node, mark, path)
            case _:
                raise AssertionError(node)

    def _keys(self, node: Any, mark: Mark, path: Path) -> Keys:
        marks: dict[str, Mark] = {}
        values: dict[str, Node] = {}
        for key, value in node.value:
            place = Mark(key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, ScalarNode):
                self._problems.add(place, path, "a key must be a single word")
                continue
            name = str(key.value)
            if name in values:
                self._problems.add(place, (*path, name), f"the key {name!r} stands here twice")
                continue
            marks[name] = place
            values[name] = self.read(value, (*path, name))
        return Keys(mark, marks, values)

    def _scalar(self, node: Any, mark: Mark, path: Path) -> Scalar:
        tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
        written = str(node.value)
        if tag not in _CONVERSIONS and tag.startswith("!"):
            self._problems.add(mark, path, f"the tag {tag!r} means nothing here")
        try:
            return _CONVERSIONS.get(tag, str)(written)
        except ValueError:
            self._problems.add(mark, path, f"{written!r} is not of the type that its tag says")
            return written


def _integer(written: str) -> int:
    digits = written.replace("_", "").lower()
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits.removeprefix("+"))
    for prefix, base in (("0x", 16), ("0o", 8), ("0b", 2)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits)


def _number(written: str) -> float:
    # YAML writes .inf and .nan where Python writes inf and nan.
    return float(re.sub(r"^([-+]?)\.(?=inf|nan)", r"\1", written.replace("_", "").lower()))


_CONVERSIONS: Mapping[str, Callable[[str], Scalar]] = {
    "null": lambda _: None,
    "bool": lambda written: written.lower() == "true",
    "int": _integer,
    "float": _number,
}
"""By tag; whatever else YAML has (timestamps) stays the text that it was."""


def read(written: str, problems: Problems) -> Node | None:
    """Return the tree of a YAML text, or None where it cannot be read at all."""
    yaml = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            # An anchor may be used again; the last one before an alias counts.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            composed = yaml.compose(written)
    except MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        mark = NOWHERE if place is None else Mark(place.line + 1, place.column + 1)
        problems.add(mark, (), f"this is not YAML: {str(error.problem).removeprefix('but ')}")
        return None
    except YAMLError as error:
        problems.add(NOWHERE, (), f"this is not YAML: {str(error).splitlines()[0]}")
        return None
    if composed is None:
        problems.add(Mark(1, 1), (), "the file is empty")
        return None
    return _Reader(problems).read(composed, ())


def scalar(written: str) -> Scalar:
    """Return the value that a text would be in a file; text, where it would be more than one."""
    found = read(written, Problems(""))
    return found.value if isinstance(found, Leaf) else written
