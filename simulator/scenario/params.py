"""Parameters, the matrix and `--set`: from one file to the cases that it stands for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from simulator.scenario.document import Items, Keys, Leaf, Node, Scalar, at, each, mapped, scalar
from simulator.scenario.problem import NOWHERE, Mark, Path, Problems, closest

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

_OVERRIDABLE = ("seed", "clock", "identity", "timeout", "recover", "title", "xfail")
"""Top-level values that `--set` reaches even where they are no parameter."""
_SECTIONS = ("director", "network", "expect")
"""Where `--set section.key=…` reaches single values."""

Values = Mapping[str, Scalar]
Names = dict[str, tuple[str, Mark]]
"""Parameters by name: the section and the place where each is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One case: the file with its parameters filled in, and the matrix values that make it."""

    root: Keys
    values: Values


def expand(root: Keys, overrides: Mapping[str, str], problems: Problems) -> Sequence[Cell]:
    """Return the cases of a file, in the order of its matrix; one where there is no matrix."""
    params = _params(root, problems)
    axes = _axes(root, problems)
    body = replace(
        root,
        marks={key: mark for key, mark in root.marks.items() if key not in {"params", "matrix"}},
        values={key: node for key, node in root.values.items() if key not in {"params", "matrix"}},
    )
    # A parameter whose only place is overridden is of use all the same.
    declared, used = _declared(root), _referenced(body, _declared(root))
    for name, written in overrides.items():
        value = scalar(written)
        if name in axes:
            axes[name] = [value]
        elif name in params:
            params[name] = value
        else:
            body = _set(body, name, value, [*params, *axes], problems)
    cells = list(_cells(root, axes, overrides, problems))
    if not cells:
        problems.add(root.marks["matrix"], ("matrix",), "every case is excluded")
    filled = [
        Cell(root=_filled(body, {**params, **values}, declared, problems), values=values)
        for values in cells
    ]
    if filled:
        _check_use(declared, used, problems)
    return filled


# ---------------------------------------------------------------- what the file says


def _declared(root: Keys) -> Names:
    return {
        name: (section, mark)
        for section in ("matrix", "params")
        for name, mark in _keys(root, section).items()
        if (section, name) != ("matrix", "exclude") and _NAME.fullmatch(name)
    }


def _keys(root: Keys, section: str) -> Mapping[str, Mark]:
    node = root.values.get(section)
    return node.marks if isinstance(node, Keys) else {}


def _params(root: Keys, problems: Problems) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for path, name, node in _named(root, "params", problems):
        if isinstance(node, Leaf):
            found[name] = node.value
        else:
            problems.add(node.mark, path, "a parameter is a single value; lists go to 'matrix'")
    return found


def _axes(root: Keys, problems: Problems) -> dict[str, list[Scalar]]:
    found: dict[str, list[Scalar]] = {}
    for path, name, node in _named(root, "matrix", problems):
        if name == "exclude":
            continue
        values = [item.value for _, item in each(node) if isinstance(item, Leaf)]
        if not isinstance(node, Items) or len(values) != len(node.items) or not values:
            problems.add(node.mark, path, "an axis of the matrix is a list of single values")
        elif len(values) != len({repr(value) for value in values}):
            problems.add(node.mark, path, "a value stands here twice")
        else:
            found[name] = values
    return found


def _named(root: Keys, section: str, problems: Problems) -> Iterator[tuple[Path, str, Node]]:
    node = root.values.get(section)
    if node is None:
        return
    if not isinstance(node, Keys):
        problems.add(node.mark, (section,), "expected a mapping of names")
        return
    for name, value in node.values.items():
        if _NAME.fullmatch(name):
            yield (section, name), name, value
        else:
            problems.add(node.marks[name], (section, name), f"{name!r} cannot be written as ${{…}}")


def _cells(
    root: Keys, axes: Mapping[str, list[Scalar]], pinned: Mapping[str, str], problems: Problems
) -> Iterator[Values]:
    excluded = list(_excluded(root, axes, pinned, problems))
    for combination in product(*axes.values()):
        values = dict(zip(axes, combination, strict=True))
        if not any(rule.items() <= values.items() for rule in excluded):
            yield values


def _excluded(
    root: Keys, axes: Mapping[str, list[Scalar]], pinned: Mapping[str, str], problems: Problems
) -> Iterator[dict[str, Scalar]]:
    for path, rule in each(root, "matrix", "exclude"):
        if not isinstance(rule, Keys) or not rule.values:
            problems.add(rule.mark, path, "expected the values to exclude: {axis: value}")
            continue
        for axis, node in rule.values.items():
            value = node.plain()
            if axis not in axes:
                message = f"the matrix has no axis {axis!r}"
                problems.add(rule.marks[axis], (*path, axis), message, closest(axis, axes))
            elif value not in axes[axis] and axis not in pinned:
                problems.add(node.mark, (*path, axis), f"{axis} is never {value!r}")
        yield {axis: node.value for axis, node in rule.values.items() if isinstance(node, Leaf)}


# ---------------------------------------------------------------- what the command line says


def _set(body: Keys, name: str, value: Scalar, known: list[str], problems: Problems) -> Keys:
    section, _, rest = name.partition(".")
    if name in _OVERRIDABLE or (section in _SECTIONS and rest):
        return _replaced(body, name.split("."), Leaf(NOWHERE, value))
    names = [*known, *_OVERRIDABLE]
    told = ", ".join(names)
    message = f"--set: there is nothing named {name!r} to set (there is: {told})"
    problems.add(NOWHERE, (), message, closest(name, names))
    return body


def _replaced(node: Node | None, path: list[str], leaf: Leaf) -> Keys:
    keys = node if isinstance(node, Keys) else Keys(NOWHERE, {}, {})
    head, *rest = path
    return keys.set(head, _replaced(at(keys, head), rest, leaf) if rest else leaf)


# ---------------------------------------------------------------- filling in


def is_open(node: Node | None) -> bool:
    """Whether a value still holds a `${name}` that could not be filled in."""
    return isinstance(node, Leaf) and bool(_REFERENCE.search(str(node.value)))


def _names_in(leaf: Leaf) -> Sequence[str]:
    return _REFERENCE.findall(leaf.value) if isinstance(leaf.value, str) else ()


def _referenced(body: Keys, declared: Names) -> Names:
    """Return the parameters that stand anywhere in a file."""
    used = Names()

    def look(leaf: Leaf, path: Path) -> Leaf:
        del path
        used.update({name: declared[name] for name in _names_in(leaf) if name in declared})
        return leaf

    mapped(body, look)
    return used


def _filled(body: Keys, values: Values, declared: Names, problems: Problems) -> Keys:
    def fill(leaf: Leaf, path: Path) -> Leaf:
        names = _names_in(leaf)
        for name in names:
            if name not in declared:
                message = f"there is no parameter {name!r}"
                problems.add(leaf.mark, path, message, closest(name, declared))
        if not names or not all(name in values for name in names):
            return leaf
        whole = _REFERENCE.fullmatch(str(leaf.value))
        if whole:
            # Alone it keeps its type: `count: ${envoys}` is a number.
            return Leaf(leaf.mark, values[whole[1]])
        text = _REFERENCE.sub(lambda match: _text(values[match[1]]), str(leaf.value))
        return Leaf(leaf.mark, text)

    filled = mapped(body, fill)
    assert isinstance(filled, Keys)
    return filled


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def _check_use(declared: Names, used: Names, problems: Problems) -> None:
    for name, (section, mark) in declared.items():
        if name not in used:
            message = f"{name!r} is used nowhere: write ${{{name}}} where it belongs"
            problems.add(mark, (section, name), message)
