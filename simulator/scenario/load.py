"""Reading a scenario file: every mistake at once, each with its place and what was meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simulator.scenario.consistency import check_consistency
from simulator.scenario.decode import decode
from simulator.scenario.document import Keys, mark_of, read
from simulator.scenario.params import Cell, Values, expand
from simulator.scenario.problem import NOWHERE, Problem, Problems, ScenarioError
from simulator.scenario.references import check_references
from simulator.scenario.schema import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run that a file asks for: the only one, or one cell of its matrix."""

    path: str
    scenario: Scenario
    values: Values
    """Those of the matrix that make this case; empty where there is no matrix."""
    root: Keys = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The scenario's name, with the values of the matrix: `flaky[identity=mtls,loss=0.1]`."""
        if not self.values:
            return self.scenario.name
        told = ",".join(f"{key}={_written(value)}" for key, value in self.values.items())
        return f"{self.scenario.name}[{told}]"


def load(path: Path, overrides: Mapping[str, str] | None = None) -> Sequence[Case]:
    """Return the cases of a scenario file; `overrides` are those of `--set`, unparsed.

    Raises:
        ScenarioError: with every problem of the file.
    """
    problems = Problems(str(path))
    try:
        written = path.read_text(encoding="utf-8")
    except OSError as error:
        problems.add(NOWHERE, (), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        problems.add(NOWHERE, (), "is not UTF-8 text")
    else:
        return load_text(written, path, overrides)
    raise ScenarioError(problems.found)


def load_text(
    written: str, path: Path, overrides: Mapping[str, str] | None = None
) -> Sequence[Case]:
    """Return the cases of a scenario that was read already; `path` is for messages."""
    problems = Problems(str(path))
    cases = _cases(written, overrides or {}, problems)
    if problems.found:
        raise ScenarioError(problems.found)
    return cases


def refusals(case: Case) -> Sequence[Problem]:
    """Return what cannot be done in the world of a case, or with its Director.

    While there is any, the case must not run.
    """
    problems = Problems(case.path)
    scenario = case.scenario
    spec = scenario.director
    if scenario.identity == "mtls" and spec.run == "external" and spec.ca_cert is None:
        message = (
            "an external Director lets in whom its own authority vouches for: give it with"
            " --ca-cert and --ca-key, or as director.ca_cert and director.ca_key; or set"
            " identity=plaintext"
        )
        problems.add(mark_of(case.root, ("identity",)), ("identity",), message)
    for index, fault in enumerate(scenario.faults):
        why = fault.unsupported(world=scenario.clock, director=spec.run, identity=scenario.identity)
        if why is not None:
            where = ("faults", index, "type")
            message = f"{fault.name()} ({fault.id}) cannot be done here: {why}"
            problems.add(mark_of(case.root, where), where, message)
    return problems.found


def ensure_supported(cases: Sequence[Case]) -> None:
    """Let nothing run that would leave a fault out.

    Raises:
        ScenarioError: a world cannot do what a fault asks; every such fault is named.
    """
    refused = [problem for case in cases for problem in refusals(case)]
    if refused:
        raise ScenarioError(refused)


def _cases(written: str, overrides: Mapping[str, str], problems: Problems) -> Sequence[Case]:
    root = read(written, problems)
    if root is None:
        return ()
    if not isinstance(root, Keys):
        problems.add(root.mark, (), "a scenario is a mapping: version, name, envoys, …")
        return ()
    cells = expand(root, overrides, problems)
    decoded = [(cell, _scenario(cell, problems)) for cell in cells]
    return [
        Case(path=problems.path, scenario=scenario, values=cell.values, root=cell.root)
        for cell, scenario in decoded
        if scenario is not None
    ]


def _scenario(cell: Cell, problems: Problems) -> Scenario | None:
    check_references(cell.root, problems)
    scenario = decode(cell.root, problems)
    if scenario is None:
        return None
    before = len(problems.found)
    check_consistency(cell.root, scenario, problems)
    if len(problems.found) > before:
        return None
    cast = scenario.cast()
    faults = tuple(fault.completed(cast) for fault in scenario.faults)
    return scenario.model_copy(update={"faults": faults})


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | None) else str(value)
