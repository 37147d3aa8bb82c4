"""Running what was asked for: one case while people watch, or many side by side, and their reports.

A case is known by its file, its overrides and its name, so that another process can run it.
"""

import multiprocessing
import shlex
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from time import perf_counter

from simulator.directors_log import directors_log
from simulator.engine.run import HarnessError, Watch, run_case
from simulator.history.codec import dump
from simulator.report.cases import CaseResult
from simulator.report.html import write_page
from simulator.report.result import result_json
from simulator.report.summary import About, summarize
from simulator.scenario.load import Case, load
from simulator.scenario.schema import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One case that is to be run."""

    path: Path
    case: str
    """Its name, as `Case.name` tells it."""
    seed: int
    overrides: Mapping[str, str] = field(default_factory=dict)
    report: Path | None = None
    """The folder for this case's files; left out: none are written."""

    def reproduce(self, *, is_only: bool) -> str:
        """Return the command that runs it again; a file's only case needs no `--case`."""
        overrides = [
            ["--wire"] if (key, value) == ("clock", "wire") else ["--set", f"{key}={value}"]
            for key, value in self.overrides.items()
        ]
        which = [] if is_only else ["--case", self.case]
        options = [*chain.from_iterable(overrides), "--seed", str(self.seed), *which]
        return shlex.join(["simulate", str(self.path), *options])


def perform(order: Order, watch: Watch | None = None) -> CaseResult:
    """Run a case, judge it, and write its files; a harness that failed is a result, too."""
    cases = load(order.path, order.overrides)
    case = next(case for case in cases if case.name == order.case)
    began_s = perf_counter()
    log = None if order.report is None else order.report / "director.log"
    try:
        with directors_log(log, is_virtual=case.scenario.clock == "virtual"):
            played = run_case(case, seed=order.seed, watch=watch)
    except HarnessError as error:
        return _unjudged(case, order, str(error), perf_counter() - began_s)
    summary = summarize(
        played.history,
        played.verdict,
        planned=played.planned,
        about=about(case.scenario),
        reproduce=order.reproduce(is_only=len(cases) == 1),
    )
    result = CaseResult(
        scenario=case.scenario.name,
        case=dict(case.values),
        seed=order.seed,
        wall_s=played.wall_s,
        summary=summary,
    )
    if order.report is not None:
        dump(played.history, order.report / "history.jsonl")
        (order.report / "result.json").write_text(result_json(result), encoding="utf-8")
        write_page(summary, order.report / "report.html")
    return result


def about(scenario: Scenario) -> About:
    """Return what a scenario says of itself, for reports."""
    return About(title=scenario.title, doc=scenario.doc, is_expected_to_fail=scenario.xfail)


def perform_all(orders: Sequence[Order], *, jobs: int) -> Iterator[tuple[int, CaseResult]]:
    """Run cases in so many processes; yield each with its place, as they end."""
    # Not forked: gRPC's threads do not survive that.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        running = {pool.submit(perform, order): place for place, order in enumerate(orders)}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _unjudged(case: Case, order: Order, error: str, wall_s: float) -> CaseResult:
    return CaseResult(
        scenario=case.scenario.name,
        case=dict(case.values),
        seed=order.seed,
        wall_s=wall_s,
        error=error,
    )
