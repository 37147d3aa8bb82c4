"""What the commands of `simulate` share: options, how they refuse, and how reports are filed."""

import os
import re
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.batch import Order
from simulator.choosing import Chosen, cases_of
from simulator.report.cases import CaseResult
from simulator.report.index import index_page
from simulator.report.junit import junit_xml
from simulator.scenario.load import Case
from simulator.scenario.problem import ScenarioError
from simulator.workers import stopped_by

BAD_SCENARIO = 2
_LARGEST_SEED = 2**32

Files = Sequence[Path]
_Outcome = TypeVar("_Outcome")

scenario_files = click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SCENARIO..."
)


def _overrides(ctx: click.Context, param: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    del ctx, param
    found = {}
    for pair in pairs:
        key, is_there, value = pair.partition("=")
        if not is_there or not key:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE, such as identity=mtls")
        found[key] = value
    return found


set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    callback=_overrides,
    metavar="KEY=VALUE",
    help="Another value for a parameter, or for seed, clock, timeout, identity.",
)
seed_option = click.option("--seed", type=click.IntRange(min=0), help="Fix every random choice.")
report_option = click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write index.html and junit.xml, and each case's history, result, report and log.",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Cases to run side by side.",
)


def loaded(files: Files, overrides: Mapping[str, str]) -> Sequence[Chosen]:
    """Return every case of every file; where anything is wrong with any, nothing is run."""
    try:
        return cases_of(files, overrides)
    except ScenarioError as error:
        refuse(error.problems)


def refuse(problems: Iterable[object]) -> NoReturn:
    """Tell what is wrong, and end with the exit code that says that nothing ran."""
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(BAD_SCENARIO)


def first_seed(case: Case, seed: int | None) -> int:
    """Return the seed that was told, or else the scenario's, or else one that is drawn."""
    first = case.scenario.seed if seed is None else seed
    return secrets.randbelow(_LARGEST_SEED) if first is None else first


# ---------------------------------------------------------------- while it goes


def watched(
    outcomes: Generator[tuple[int, _Outcome], None, None],
    total: int,
    told: Callable[[_Outcome], str],
) -> tuple[Mapping[int, _Outcome], int]:
    """Show how many are done; return each by its place, and 0.

    Where an interruption ends it, what was done by then, and the exit code for that.
    """
    found: dict[int, _Outcome] = {}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("cases", total=total)
        try:
            with closing(outcomes):
                for place, outcome in outcomes:
                    found[place] = outcome
                    bar.update(task, advance=1, description=told(outcome))
        except SystemExit as told_to:
            return found, stopped_by(told_to)
    return found, 0


# ---------------------------------------------------------------- reports


def made(report: Path | None) -> None:
    """Make the folder of the reports before anything runs whose results would be lost."""
    if report is None:
        return
    try:
        report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"no reports can be kept in {report}: {error.strerror}") from error


def folders(report: Path | None, names: Sequence[str]) -> Sequence[Path | None]:
    """Return a folder for each name, none of them the same."""
    if report is None:
        return [None] * len(names)
    found = []
    seen: Counter[str] = Counter()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._=-]+", "_", name).strip("_")
        seen[plain] += 1
        found.append(report / (plain if seen[plain] == 1 else f"{plain}-again-{seen[plain]}"))
    return found


def filed(
    report: Path | None,
    orders: Sequence[Order],
    results: Sequence[CaseResult],
    *,
    elapsed_s: float,
    out: Console,
) -> None:
    """Write what all cases have in common, and say where."""
    if report is None:
        return
    (report / "junit.xml").write_text(junit_xml(results), encoding="utf-8")
    places = [order.report.name for order in orders if order.report is not None]
    index = report / "index.html"
    index.write_text(index_page(results, places, elapsed_s=elapsed_s), encoding="utf-8")
    out.print(f"reports: {index}", soft_wrap=True)
