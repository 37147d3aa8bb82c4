"""Running what was asked for: one case while people watch, or many side by side, and their files.

A case is known by its file, its overrides and its name, so that another process can run it.
"""

import shlex
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from time import perf_counter

from simulator.directors_log import directors_log
from simulator.engine.memory_host import CrashPoint
from simulator.engine.run import HarnessError, Played, Watch, run_case
from simulator.engine.target import TargetError
from simulator.history.codec import dump
from simulator.history.entry import JsonObject
from simulator.report.cases import CaseResult
from simulator.report.html import write_page
from simulator.report.result import result_json
from simulator.report.summary import About, Summary, summarize
from simulator.scenario.load import Case, load
from simulator.scenario.schema import Scenario
from simulator.workers import Died, in_processes

_FLAGS = {
    "director.address": "--target",
    "director.ca_cert": "--ca-cert",
    "director.ca_key": "--ca-key",
}
"""How `run` is told of a Director that runs elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One case that is to be run."""

    path: Path
    scenario: str
    """The name that its file gives itself."""
    case: str
    """Its name, as `Case.name` tells it."""
    values: JsonObject = field(default_factory=dict)
    """Those of the matrix that make it."""
    seed: int
    overrides: Mapping[str, str] = field(default_factory=dict)
    crash_point: CrashPoint | None = None
    """Where the Director is to die, in virtual time."""
    report: Path | None = None
    """The folder for this case's files; left out: none are written."""

    @classmethod
    def of(
        cls,
        case: Case,
        path: Path,
        overrides: Mapping[str, str],
        *,
        seed: int,
        crash_point: CrashPoint | None = None,
        report: Path | None = None,
    ) -> "Order":
        """Return the order of a case that was loaded from a file with these overrides."""
        return cls(
            path=path,
            scenario=case.scenario.name,
            case=case.name,
            values=dict(case.values),
            seed=seed,
            overrides=overrides,
            crash_point=crash_point,
            report=report,
        )

    def reproduce(self, *, is_only: bool) -> str:
        """Return the command that runs it again; a file's only case needs no `--case`."""
        overrides = (_option(key, value, self.overrides) for key, value in self.overrides.items())
        options = [*chain.from_iterable(overrides), "--seed", str(self.seed)]
        if self.crash_point is not None:
            point = ["--point", str(self.crash_point)]
            return shlex.join(["simulate", "crash-points", str(self.path), *options, *point])
        which = [] if is_only else ["--case", self.case]
        return shlex.join(["simulate", str(self.path), *options, *which])

    def result(
        self,
        *,
        wall_s: float = 0.0,
        summary: Summary | None = None,
        error: str | None = None,
        not_run: str | None = None,
    ) -> CaseResult:
        """Return what came of it; exactly one of the last three is told."""
        point = {} if self.crash_point is None else {"crash": str(self.crash_point)}
        return CaseResult(
            scenario=self.scenario,
            case={**self.values, **point},
            seed=self.seed,
            wall_s=wall_s,
            summary=summary,
            error=error,
            not_run=not_run,
        )


def _option(key: str, value: str, overrides: Mapping[str, str]) -> Sequence[str]:
    """Return how the command line says an override."""
    is_elsewhere = "director.address" in overrides
    if is_elsewhere and key in {"clock", "director.run"}:
        return ()
    if is_elsewhere and key in _FLAGS:
        return _FLAGS[key], value
    return ("--wire",) if (key, value) == ("clock", "wire") else ("--set", f"{key}={value}")


def perform(order: Order, watch: Watch | None = None) -> CaseResult:
    """Run a case, judge it, and write its files; a harness that failed is a result, too."""
    return performed(order, watch)[0]


def performed(order: Order, watch: Watch | None = None) -> tuple[CaseResult, Played | None]:
    """Do as `perform` does, and return the run as well where there was one."""
    cases = load(order.path, order.overrides)
    case = next(case for case in cases if case.name == order.case)
    began_s = perf_counter()
    log = None if order.report is None else order.report / "director.log"
    try:
        with directors_log(log, is_virtual=case.scenario.clock == "virtual"):
            played = run_case(case, seed=order.seed, watch=watch, crash_point=order.crash_point)
    except (HarnessError, TargetError) as error:
        return order.result(wall_s=perf_counter() - began_s, error=str(error)), None
    summary = summarize(
        played.history,
        played.verdict,
        planned=played.planned,
        about=about(case.scenario),
        reproduce=order.reproduce(is_only=len(cases) == 1),
    )
    result = order.result(wall_s=played.wall_s, summary=summary)
    if order.report is not None:
        dump(played.history, order.report / "history.jsonl")
        (order.report / "result.json").write_text(result_json(result), encoding="utf-8")
        write_page(summary, order.report / "report.html")
    return result, played


def about(scenario: Scenario) -> About:
    """Return what a scenario says of itself, for reports."""
    return About(title=scenario.title, doc=scenario.doc, is_expected_to_fail=scenario.xfail)


def perform_all(
    orders: Sequence[Order], *, jobs: int
) -> Generator[tuple[int, CaseResult], None, None]:
    """Run cases in so many processes; yield each with its place, as they end."""
    for place, came in in_processes(perform, orders, jobs=jobs):
        yield place, orders[place].result(error=came.why) if isinstance(came, Died) else came
