"""Which cases are to be run: those of scenario files, as `--set` and `--target` change them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.scenario.load import Case, ensure_supported, load
from simulator.scenario.problem import Problem, ScenarioError


@dataclass(frozen=True, slots=True)
class Chosen:
    """A case, and how to load it again."""

    path: Path
    case: Case
    overrides: Mapping[str, str]

    def is_wanted(self, name: str | None, tag: str | None) -> bool:
        """Whether it bears the tag, and its name has that part; None stands for any."""
        if tag is not None and tag not in self.case.scenario.tags:
            return False
        return name is None or name in self.case.name


def against(target: str, ca_cert: Path | None, ca_key: Path | None) -> dict[str, str]:
    """Return what `--set` would be told for a Director that runs elsewhere."""
    told = {"clock": "wire", "director.run": "external", "director.address": target}
    files = {"director.ca_cert": ca_cert, "director.ca_key": ca_key}
    return told | {key: str(path.absolute()) for key, path in files.items() if path is not None}


def cases_of(
    files: Sequence[Path], overrides: Mapping[str, str], *, patience_s: float = 0
) -> Sequence[Chosen]:
    """Return every case of every file.

    Where a Director had less than `patience_s` to recover it gets that, unless an override says
    otherwise.

    Raises:
        ScenarioError: with everything that is wrong with any file.
    """
    chosen: list[Chosen] = []
    problems: list[Problem] = []
    for path in files:
        try:
            chosen += _cases_of_one(path, overrides, patience_s)
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return chosen


def _cases_of_one(path: Path, overrides: Mapping[str, str], patience_s: float) -> Sequence[Chosen]:
    known = overrides
    cases = load(path, known)
    is_hurried = any(case.scenario.recover < patience_s for case in cases)
    if is_hurried and "recover" not in known:
        known = {**known, "recover": f"{patience_s:g}s"}
        cases = load(path, known)
    ensure_supported(cases)
    return [Chosen(path, case, known) for case in cases]
