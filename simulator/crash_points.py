"""`simulate crash-points`: a Director dies before and after each operation on its storage in turn.

The scenario runs once to count the operations, and then once for each place to die; every run is
replayed by the next Director, goes on, and is judged.
"""

import re
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import click
from rich.console import Console
from rich.table import Table

from simulator.batch import Order, performed
from simulator.directors_log import directors_log
from simulator.engine.memory_host import CrashPoint
from simulator.engine.run import HarnessError, run_case
from simulator.options import (
    filed,
    first_seed,
    folders,
    jobs_option,
    loaded,
    made,
    report_option,
    seed_option,
    set_option,
    watched,
)
from simulator.report.cases import CaseResult, exit_code
from simulator.report.outcome import CaseOutcome
from simulator.scenario.load import Case
from simulator.workers import Died, in_processes

_FAILED = 4
_POINT = re.compile(r"(before|after) operation ([1-9][0-9]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """What came of one run in which the Director died at one place."""

    result: CaseResult
    kind: str = ""
    """What the operation was; "" where nothing is known of the run."""


def count_operations(case: Case, *, seed: int) -> int:
    """Return how many operations on its storage a Director does in a run in which it lives.

    Raises:
        HarnessError: the run could not be judged.
    """
    with directors_log(None, is_virtual=True):
        return run_case(case, seed=seed).operations


def crash_points(operations: int) -> Sequence[CrashPoint]:
    """Return every place to die, in order."""
    return [
        CrashPoint(operation=number, is_after=is_after)
        for number in range(1, operations + 1)
        for is_after in (False, True)
    ]


def die(order: Order) -> Death:
    """Run a case in which the Director dies at one place."""
    result, played = performed(order)
    if played is None:
        return Death(result=result)
    downs = played.history.notes("director.kill")
    kinds = [str(down.value["kind"]) for down in downs if "kind" in down.value]
    return Death(result=result, kind=kinds[0] if kinds else "while it started")


def die_everywhere(
    orders: Sequence[Order], *, jobs: int
) -> Generator[tuple[int, Death], None, None]:
    """Yield what came of each place to die, with its number, computed in so many processes."""
    for place, came in in_processes(die, orders, jobs=jobs):
        if isinstance(came, Died):
            yield place, Death(result=orders[place].result(error=came.why))
        else:
            yield place, came


# ---------------------------------------------------------------- the command


def _point(ctx: click.Context, param: click.Parameter, value: str | None) -> CrashPoint | None:
    del ctx, param
    if value is None:
        return None
    match = _POINT.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"{value!r} is not such as 'before operation 12'")
    return CrashPoint(operation=int(match[2]), is_after=match[1] == "after")


@click.command(
    "crash-points", short_help="Kill the Director around every write, and judge each run."
)
@click.argument("path", type=click.Path(path_type=Path), metavar="SCENARIO")
@seed_option
@set_option
@click.option(
    "--point",
    callback=_point,
    metavar="WHERE",
    help="Only this one, such as 'before operation 12'.",
)
@report_option
@jobs_option
def command(
    path: Path,
    *,
    seed: int | None,
    overrides: dict[str, str],
    point: CrashPoint | None,
    report: Path | None,
    jobs: int,
) -> None:
    """Let the Director die before and after each operation on its storage, and judge each run.

    In virtual time; the first case of a matrix.
    """
    told = {**overrides, "clock": "virtual"}
    case = loaded([path], told)[0].case
    number = first_seed(case, seed)
    made(report)
    began_s = perf_counter()
    points = [point] if point is not None else _points(case, number)
    orders = _orders(case, path, told, seed=number, points=points, report=report)
    deaths, interrupted = watched(
        die_everywhere(orders, jobs=jobs), len(orders), lambda death: death.result.title
    )
    whole = [
        deaths[place] if place in deaths else Death(result=order.result(not_run="interrupted"))
        for place, order in enumerate(orders)
    ]
    out, results = Console(), [death.result for death in whole]
    _show(case, whole, out)
    filed(report, orders, results, elapsed_s=perf_counter() - began_s, out=out)
    sys.exit(interrupted or exit_code(results))


def _points(case: Case, seed: int) -> Sequence[CrashPoint]:
    try:
        return crash_points(count_operations(case, seed=seed))
    except HarnessError as error:
        click.echo(f"{case.name}: the run without a crash failed: {error}", err=True)
        sys.exit(_FAILED)


def _orders(
    case: Case,
    path: Path,
    overrides: Mapping[str, str],
    *,
    seed: int,
    points: Sequence[CrashPoint],
    report: Path | None,
) -> Sequence[Order]:
    names = [f"{case.name}-{point}" for point in points]
    return [
        Order.of(case, path, overrides, seed=seed, crash_point=point, report=folder)
        for point, folder in zip(points, folders(report, names), strict=True)
    ]


def _show(case: Case, deaths: Sequence[Death], out: Console) -> None:
    """Print a line for each kind of operation, and what speaks against any."""
    table = Table(box=None, padding=(0, 2))
    for heading in ("operation", "crashes", "held", "broken", "inconclusive", "not judged"):
        table.add_column(heading)
    judged = (CaseOutcome.HELD, CaseOutcome.BROKEN, CaseOutcome.INCONCLUSIVE)
    for kind in dict.fromkeys(death.kind for death in deaths):
        outcomes = [death.result.outcome for death in deaths if death.kind == kind]
        counts = [outcomes.count(outcome) for outcome in judged]
        row = [len(outcomes), *counts, len(outcomes) - sum(counts)]
        table.add_row(kind or "unknown", *map(str, row))
    out.print(table)
    for death in deaths:
        if death.result.outcome not in {CaseOutcome.HELD, CaseOutcome.NOT_RUN}:
            told = f"{death.result.case['crash']} ({death.kind}): {death.result.message}"
            out.print(told, markup=False)
    held = sum(death.result.outcome is CaseOutcome.HELD for death in deaths)
    out.print(f"{case.name}: {held} of {len(deaths)} crashes held")
