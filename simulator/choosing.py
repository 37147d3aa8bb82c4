"""Which cases are to be run: those of scenario files, as `--set` and `--target` change them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simulator.report.summary import title
from simulator.scenario.load import Case, ensure_supported, load, refusals
from simulator.scenario.problem import Problem, ScenarioError

_SPARE_S = 60.0
"""What a run may take beside its phases and its recovery."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A case, and how to load it again."""

    path: Path
    case: Case
    overrides: Mapping[str, str]
    unfit: str | None = None
    """Why it cannot be run against the Director that is meant."""

    @property
    def is_external(self) -> bool:
        """Whether its Director runs elsewhere."""
        return self.case.scenario.director.run == "external"

    def is_wanted(self, name: str | None, tag: str | None) -> bool:
        """Whether it bears the tag, and its name, however it is written, has that part.

        None stands for any.
        """
        if tag is not None and tag not in self.case.scenario.tags:
            return False
        names = self.case.name, title(self.case.scenario.name, self.case.values)
        return name is None or any(name in each for each in names)

    def patient(self, patience_s: float) -> "Chosen":
        """Return it with at least so much time to recover, unless it was told how much."""
        scenario, told = self.case.scenario, dict(self.overrides)
        if scenario.recover >= patience_s or "recover" in told:
            return self
        told["recover"] = f"{patience_s:g}s"
        needed_s = scenario.phases_s + patience_s + _SPARE_S
        if scenario.timeout < needed_s:
            told.setdefault("timeout", f"{needed_s:g}s")
        return replace(self, overrides=told)


def against(target: str, ca_cert: Path | None, ca_key: Path | None) -> dict[str, str]:
    """Return what `--set` would be told for a Director that runs elsewhere."""
    told = {"clock": "wire", "director.run": "external", "director.address": target}
    files = {"director.ca_cert": ca_cert, "director.ca_key": ca_key}
    return told | {key: str(path.absolute()) for key, path in files.items() if path is not None}


def cases_of(files: Sequence[Path], overrides: Mapping[str, str]) -> Sequence[Chosen]:
    """Return every case of every file, all of which can be run.

    Raises:
        ScenarioError: with everything that is wrong with any file.
    """
    chosen: list[Chosen] = []
    problems: list[Problem] = []
    for path in files:
        try:
            cases = load(path, overrides)
            ensure_supported(cases)
        except ScenarioError as error:
            problems += error.problems
        else:
            chosen += [Chosen(path, case, overrides) for case in cases]
    if problems:
        raise ScenarioError(problems)
    return chosen


def cases_against(
    target: Mapping[str, str], files: Sequence[Path], overrides: Mapping[str, str]
) -> Sequence[Chosen]:
    """Return every case of every file, those that are unfit for a target with the reason.

    Raises:
        ScenarioError: with everything that is wrong with any file, wherever it is run; or with why
            not one case is fit.
    """
    told = {**target, **overrides}
    chosen: list[Chosen] = []
    wrong: list[Problem] = []
    unfit: list[Problem] = []
    for path in files:
        try:
            written = load(path, overrides)
        except ScenarioError as error:
            wrong += error.problems
            continue
        for case, problems in _fitness(path, told, written):
            unfit += problems
            chosen.append(Chosen(path, case, told, _said(problems)))
    if wrong or all(each.unfit for each in chosen):
        raise ScenarioError(wrong or unfit)
    return chosen


def _fitness(
    path: Path, told: Mapping[str, str], written: Sequence[Case]
) -> Sequence[tuple[Case, Sequence[Problem]]]:
    """Return a file's cases, each with what is in its way."""
    try:
        return [(case, refusals(case)) for case in load(path, told)]
    except ScenarioError as error:
        return [(case, error.problems) for case in written]


def _said(problems: Sequence[Problem]) -> str | None:
    return "; ".join(dict.fromkeys(problem.message for problem in problems)) or None
