"""What is wrong with a scenario file, where, and what was probably meant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

Path = tuple[str | int, ...]
"""Where a value stands: keys and indexes from the top of the file."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A position in a file, from 1; zero where there is none."""

    line: int = 0
    column: int = 0


NOWHERE = Mark()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake; prints as `file:line:col: path: message (did you mean …?)`."""

    path: str
    mark: Mark
    where: str
    message: str
    suggestion: str | None = None

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.mark.line

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.mark.column

    def __str__(self) -> str:
        place = self.path if self.mark == NOWHERE else f"{self.path}:{self.line}:{self.column}"
        where = f"{self.where}: " if self.where else ""
        hint = "" if self.suggestion is None else f" (did you mean {self.suggestion!r}?)"
        return f"{place}: {where}{self.message}{hint}"


class ScenarioError(Exception):
    """A scenario cannot be run; its problems in the order of the file, none told twice."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        by_place = sorted(problems, key=lambda problem: (problem.path, problem.mark))
        self.problems: Sequence[Problem] = tuple(dict.fromkeys(by_place))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(slots=True)
class Problems:
    """Collects what is wrong with one file; reading goes on meanwhile."""

    path: str
    found: list[Problem] = field(default_factory=list)

    def add(self, mark: Mark, where: Path, message: str, suggestion: str | None = None) -> None:
        """Take note of one more."""
        self.found.append(
            Problem(
                path=self.path,
                mark=mark,
                where=dotted(where),
                message=message,
                suggestion=suggestion,
            )
        )


def dotted(path: Path) -> str:
    """Return a path as text: `faults[2].when.nth`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant."""
    return next(iter(get_close_matches(name, list(known), n=1)), None)
