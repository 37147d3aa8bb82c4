"""How a bug is planted: a Director, or the server around it, that is wrong in one small way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from director import Director, DirectorGRPCServer
from simulator.checkers.expect import Guarantee
from simulator.engine.host import ServerFactory
from simulator.scenario.load import Case, load

ROOT = Path(__file__).parents[2]

Bug = type[Director] | type[DirectorGRPCServer]
"""The bug's name is its class's; what it does, the class's docstring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A bug, what it breaks, and the scenario that is to notice."""

    bug: Bug
    breaks: Guarantee | Literal["outcomes[afterwards]"]
    """A guarantee; or, where no guarantee goes so far, what the scenario expects besides."""
    scenario: str
    """A path in the repository, without its suffix."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """As with `--set`."""

    def __str__(self) -> str:
        return f"{self.bug.__name__}-{self.breaks}"

    @property
    def factory(self) -> ServerFactory:
        """What to give to `run_case` in the place of a healthy server."""
        return planted(self.bug)

    @property
    def stage(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Which run it is; a healthy Director must hold in the same."""
        return self.scenario, tuple(sorted(self.overrides.items()))


def regression(name: str) -> str:
    """Return the path of a scenario that keeps a bug from coming back."""
    return f"scenarios/regressions/{name}"


def planted(bug: Bug) -> ServerFactory:
    """Return a factory of servers that have the bug."""
    if issubclass(bug, DirectorGRPCServer):
        return bug
    return partial(_serving, bug)


def _serving(bug: type[Director], **keywords: Any) -> DirectorGRPCServer:
    return DirectorGRPCServer(**{**keywords, "director_cls": bug})


def case_of(scenario: str, overrides: Mapping[str, str]) -> Case:
    """Return the only case of a scenario, or the first cell of its matrix."""
    return load(ROOT / f"{scenario}.yaml", overrides)[0]
