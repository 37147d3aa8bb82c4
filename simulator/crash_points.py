"""`simulate crash-points`: a Director dies before and after each operation on its storage in turn.

The scenario runs once to count the operations, and then once for each place to die; every run is
replayed by the next Director, goes on, and is judged.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulator.checkers.base import Validity
from simulator.directors_log import directors_log
from simulator.engine.memory_host import CrashPoint
from simulator.engine.run import HarnessError, run_case
from simulator.scenario.load import Case, load
from simulator.scenario.problem import ScenarioError

_BROKEN = 1
_BAD_SCENARIO = 2
_UNKNOWN = 3
_FAILED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """What came of one run in which the Director died at one place."""

    point: CrashPoint
    validity: Validity | None
    """None: the simulator itself failed."""
    kind: str = ""
    """What the operation was."""
    told: str = ""
    """What speaks against the run, if anything does."""


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


def die(path: Path, overrides: Mapping[str, str], name: str, seed: int, point: CrashPoint) -> Death:
    """Run a case in which the Director dies at one place."""
    case = next(case for case in load(path, overrides) if case.name == name)
    try:
        with directors_log(None, is_virtual=True):
            played = run_case(case, seed=seed, crash_point=point)
    except HarnessError as error:
        return Death(point=point, validity=None, told=str(error))
    downs = played.history.notes("director.kill")
    kinds = [str(down.value["kind"]) for down in downs if "kind" in down.value]
    first = played.verdict.first
    told = ""
    if first is not None:
        told = first.name if first.worst is None else f"{first.name}: {first.worst.message}"
    return Death(
        point=point,
        validity=played.verdict.validity,
        kind=kinds[0] if kinds else "while it started",
        told=told,
    )


def die_everywhere(
    path: Path,
    case: Case,
    *,
    overrides: Mapping[str, str],
    seed: int,
    points: Sequence[CrashPoint],
    jobs: int,
) -> Iterator[Death]:
    """Yield what came of each place to die, in order, computed in so many processes."""
    work = partial(die, path, dict(overrides), case.name, seed)
    # Not forked: gRPC's threads do not survive that.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        try:
            yield from pool.map(work, points)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


# ---------------------------------------------------------------- the command


@click.command(
    "crash-points", short_help="Kill the Director around every write, and judge each run."
)
@click.argument("path", type=click.Path(path_type=Path), metavar="SCENARIO")
@click.option("--seed", type=click.IntRange(min=0), help="Another than the scenario's.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="As in run.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Runs side by side.",
)
def command(path: Path, *, seed: int | None, pairs: Sequence[str], jobs: int) -> None:
    """Let the Director die before and after each operation on its storage, and judge each run.

    In virtual time; the first case of a matrix.
    """
    overrides = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    try:
        case = load(path, {**overrides, "clock": "virtual"})[0]
    except ScenarioError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(_BAD_SCENARIO)
    number = case.scenario.seed if seed is None else seed
    if number is None:
        click.echo(f"{path}: has no seed: give one with --seed", err=True)
        sys.exit(_BAD_SCENARIO)
    deaths = _with_progress(path, case, overrides=overrides, seed=number, jobs=jobs)
    sys.exit(_show(case, deaths, Console()))


def _with_progress(
    path: Path, case: Case, *, overrides: Mapping[str, str], seed: int, jobs: int
) -> Sequence[Death]:
    points = crash_points(count_operations(case, seed=seed))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("crash points", total=len(points))
        found = []
        runs = die_everywhere(path, case, overrides=overrides, seed=seed, points=points, jobs=jobs)
        for death in islice(runs, len(points)):
            found.append(death)
            bar.update(task, advance=1, description=str(death.point))
    return found


def _show(case: Case, deaths: Sequence[Death], out: Console) -> int:
    """Print a line for each kind of operation, and what speaks against any; return the code."""
    table = Table(box=None, padding=(0, 2))
    for heading in ("operation", "crashes", "held", "broken", "inconclusive"):
        table.add_column(heading)
    for kind in dict.fromkeys(death.kind for death in deaths):
        of_kind = [death.validity for death in deaths if death.kind == kind]
        counts = [
            len(of_kind),
            of_kind.count(Validity.VALID),
            of_kind.count(Validity.INVALID),
            of_kind.count(Validity.UNKNOWN) + of_kind.count(None),
        ]
        table.add_row(kind, *map(str, counts))
    out.print(table)
    for death in deaths:
        if death.validity is not Validity.VALID:
            out.print(f"{death.point} ({death.kind}): {death.told}", markup=False)
    held = sum(death.validity is Validity.VALID for death in deaths)
    out.print(f"{case.name}: {held} of {len(deaths)} crashes held")
    return exit_code(deaths)


def exit_code(deaths: Sequence[Death]) -> int:
    """Return 0 where all held, else as `simulate run` does."""
    found = [death.validity for death in deaths]
    for validity, code in ((None, _FAILED), (Validity.INVALID, _BROKEN)):
        if validity in found:
            return code
    return _UNKNOWN if Validity.UNKNOWN in found else 0
