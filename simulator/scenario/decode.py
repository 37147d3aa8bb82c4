"""From a tree to models; what pydantic says of mistakes gets a place in the file.

Its error paths name the branches of unions, which no file contains, and of a plain union every
branch complains: both are undone here.  The words are in `wording.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from simulator.scenario.document import Keys, Node, at, mark_of
from simulator.scenario.hints import descend, keys_of
from simulator.scenario.params import is_open
from simulator.scenario.problem import Path, Problems, closest
from simulator.scenario.schema import Scenario
from simulator.scenario.wording import worded


def decode(root: Keys, problems: Problems) -> Scenario | None:
    """Return the scenario, or None and the reasons."""
    try:
        return Scenario.model_validate(root.plain())
    except ValidationError as error:
        located = [_located(root, details) for details in error.errors(include_url=False)]
        for complaint, known in _told(located):
            _add(root, complaint, known, problems)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Complaint:
    """One of pydantic's errors, its path split into what is in the file and what is not."""

    details: ErrorDetails
    path: Path
    branches: tuple[tuple[Path, str], ...]
    """Where a union forked, and the branch that complains."""
    hint: Any
    """The type that is expected there."""
    parent: Any
    """The type of what it stands in: the branch of a union, where it is one."""
    whole: Any
    """The same, but the whole union."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return str(self.path[-1]) if self.path else ""


def _located(root: Keys, details: ErrorDetails) -> _Complaint:
    node: Node | None = root
    parent = whole = ahead = None
    hint: Any = Scenario
    path: Path = ()
    branches: list[tuple[Path, str]] = []
    last = len(details["loc"]) - 1
    for index, part in enumerate(details["loc"]):
        further = at(node, part)
        is_missing = details["type"] == "missing" and index == last
        if further is None and not is_missing:
            branches.append((path, str(part)))
            hint = descend(hint, part) or hint
            continue
        node, path = further, (*path, part)
        parent, whole = hint, ahead or hint
        hint = ahead = descend(hint, part)
    return _Complaint(
        details=details,
        path=path,
        branches=tuple(branches),
        hint=hint,
        parent=parent,
        whole=whole,
    )


# ---------------------------------------------------------------- which complaints to tell


def _told(complaints: Sequence[_Complaint]) -> Iterator[tuple[_Complaint, Sequence[str]]]:
    """Yield what is worth telling, each with the keys that would have been understood there."""
    forks: dict[Path, dict[str, list[_Complaint]]] = {}
    for complaint in complaints:
        for path, branch in complaint.branches:
            forks.setdefault(path, {}).setdefault(branch, []).append(complaint)
    meant = {path: _meant(branches) for path, branches in forks.items()}
    plain = {path for path, branches in forks.items() if len(branches) > 1}
    left = [c for c in complaints if all(meant[path] == name for path, name in c.branches)]
    for complaint in left:
        is_fork = complaint.path[:-1] in plain
        known = keys_of(complaint.whole if is_fork else complaint.parent)
        if complaint.details["type"] != "missing" or not _is_misspelt(
            complaint, left, is_fork=is_fork
        ):
            yield complaint, known


def _meant(branches: Mapping[str, Sequence[_Complaint]]) -> str:
    """Return the branch that understood most: that came deepest, and liked the type."""

    def insight(branch: str) -> tuple[int, bool]:
        depth = max(len(complaint.path) for complaint in branches[branch])
        return depth, any(not c.details["type"].endswith("_type") for c in branches[branch])

    return max(branches, key=insight)


def _is_misspelt(missing: _Complaint, complaints: Sequence[_Complaint], *, is_fork: bool) -> bool:
    """Whether a missing key stands there under an unknown name; one complaint is enough."""
    unknown = [
        complaint.name
        for complaint in complaints
        if complaint.details["type"] == "extra_forbidden"
        and complaint.path[:-1] == missing.path[:-1]
    ]
    return (is_fork and bool(unknown)) or closest(missing.name, unknown) is not None


def _add(root: Keys, complaint: _Complaint, known: Sequence[str], problems: Problems) -> None:
    node = at(root, *complaint.path)
    if is_open(node):
        # A parameter that is missing has been told already.
        return
    value = None if node is None else node.plain()
    wording = worded(
        complaint.details, name=complaint.name, value=value, hint=complaint.hint, known=known
    )
    where = (*complaint.path, *wording.further)
    mark = mark_of(root, where, key=wording.is_about_key)
    problems.add(mark, where, wording.message, wording.suggestion)
