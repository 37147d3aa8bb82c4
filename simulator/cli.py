"""`simulate`: run scenarios against a Director, and look up what they may say.

Exit codes: 0 held, 1 broken, 2 bad scenario or usage, 3 inconclusive, 4 the harness failed,
130 interrupted.
"""

import os
import re
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.batch import Order, about, perform, perform_all
from simulator.catalogue import faults, guarantees, schema
from simulator.checkers.expect import Expect
from simulator.checkers.judge import judge as judge_history
from simulator.checkers.validity import PlannedFault
from simulator.choosing import Chosen, against, cases_of
from simulator.crash_points import command as crash_points
from simulator.history.codec import load as load_history
from simulator.report.cases import CaseResult, exit_code
from simulator.report.console import render_summary
from simulator.report.index import index_page
from simulator.report.junit import junit_xml
from simulator.report.overview import render_overview
from simulator.report.progress import LiveProgress
from simulator.report.summary import About, summarize
from simulator.scenario.load import Case
from simulator.scenario.problem import ScenarioError

_BAD_SCENARIO = 2
_INTERRUPTED = 130
_LARGEST_SEED = 2**32

_PATIENCE_S = 60
"""What somebody else's Director has to recover: OpenFL's looks for work only every ten seconds."""

Files = Sequence[Path]
_PEM = click.Path(path_type=Path, exists=True, dir_okay=False)
_scenario_files = click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SCENARIO..."
)


class _RunByDefault(click.Group):
    """A group for which `simulate FILE` is `simulate run FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Options of `run` may come first: `simulate --wire FILE`.
        own = {"--help", "--version"}
        if args and args[0].startswith("-") and args[0] not in own:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_RunByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="squall", prog_name="simulate")
def main() -> None:
    """Torment a federated-learning Director, and judge it by named guarantees.

    `simulate SCENARIO...` is short for `simulate run SCENARIO...`.
    """


# ---------------------------------------------------------------- running


def _overrides(ctx: click.Context, param: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    del ctx, param
    found = {}
    for pair in pairs:
        key, is_there, value = pair.partition("=")
        if not is_there or not key:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE, such as identity=mtls")
        found[key] = value
    return found


@main.command()
@_scenario_files
@click.option("--wire", is_flag=True, help="On real gRPC sockets, in real time.")
@click.option(
    "--target",
    metavar="HOST:PORT",
    help=f"Against a Director that runs elsewhere; it has at least {_PATIENCE_S} s to recover.",
)
@click.option(
    "--ca-cert",
    type=_PEM,
    help="With --target and identity=mtls: the certificate of the authority that it trusts.",
)
@click.option("--ca-key", type=_PEM, help="The key of that authority, without a password.")
@click.option("--seed", type=click.IntRange(min=0), help="Fix every random choice.")
@click.option(
    "--seeds", type=click.IntRange(min=1), metavar="N", help="Run each case with N seeds in turn."
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    callback=_overrides,
    metavar="KEY=VALUE",
    help="Another value for a parameter, or for seed, clock, timeout, identity.",
)
@click.option("--case", "wanted", metavar="NAME", help="Only the cases of this name (or part).")
@click.option("--tag", "tag", metavar="TAG", help="Only scenarios that bear this tag.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write index.html and junit.xml, and each case's history, result, report and log.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Cases to run side by side.",
)
def run(
    files: Files,
    *,
    wire: bool,
    target: str | None,
    ca_cert: Path | None,
    ca_key: Path | None,
    seed: int | None,
    seeds: int | None,
    overrides: dict[str, str],
    wanted: str | None,
    tag: str | None,
    report: Path | None,
    jobs: int,
) -> None:
    """Run scenarios and judge the Director by its guarantees."""
    if target is None and (ca_cert or ca_key):
        raise click.UsageError("--ca-cert and --ca-key are of use with --target only")
    if wire:
        overrides = {**overrides, "clock": "wire"}
    if target is not None:
        overrides = {**against(target, ca_cert, ca_key), **overrides}
    patience_s = _PATIENCE_S if target is not None else 0
    cases = _loaded(files, overrides, patience_s=patience_s)
    chosen = [each for each in cases if each.is_wanted(wanted, tag)]
    if not chosen:
        _refuse(["no case of these scenarios is called so, or bears this tag"])
    orders = [
        Order(
            path=each.path,
            case=each.case.name,
            seed=number,
            overrides=each.overrides,
            report=_folder(report, each.case, number if seeds else None),
        )
        for each in chosen
        for number in _seeds(each.case, seed, seeds)
    ]
    if any(each.case.scenario.director.run == "external" for each in chosen):
        jobs = 1  # one federation at a time: they would meet each other's envoys in it
    if report is not None:
        _make(report)
    out = Console()
    began_s = perf_counter()
    try:
        results = _perform_one(orders[0]) if len(orders) == 1 else _perform_many(orders, jobs)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    elapsed_s = perf_counter() - began_s
    _show(results, out, elapsed_s)
    if report is not None:
        (report / "junit.xml").write_text(junit_xml(results), encoding="utf-8")
        folders = [order.report.name for order in orders if order.report is not None]
        index = report / "index.html"
        index.write_text(index_page(results, folders, elapsed_s=elapsed_s), encoding="utf-8")
        out.print(f"reports: {index}", soft_wrap=True)
    sys.exit(exit_code(results))


def _loaded(
    files: Files, overrides: Mapping[str, str], *, patience_s: float = 0
) -> Sequence[Chosen]:
    """Return every case of every file; where anything is wrong with any, nothing is run."""
    try:
        return cases_of(files, overrides, patience_s=patience_s)
    except ScenarioError as error:
        _refuse(str(problem) for problem in error.problems)


def _refuse(problems: Iterable[str]) -> NoReturn:
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(_BAD_SCENARIO)


def _seeds(case: Case, seed: int | None, seeds: int | None) -> Sequence[int]:
    first = case.scenario.seed if seed is None else seed
    if first is None:
        first = secrets.randbelow(_LARGEST_SEED)
    return range(first, first + (seeds or 1))


def _folder(report: Path | None, case: Case, seed: int | None) -> Path | None:
    if report is None:
        return None
    name = case.name if seed is None else f"{case.name}-{seed}"
    return report / re.sub(r"[^A-Za-z0-9._=-]+", "_", name).strip("_")


def _make(report: Path) -> None:
    """Make the folder of the reports before anything runs whose results would be lost."""
    try:
        report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"no reports can be kept in {report}: {error.strerror}") from error


def _perform_one(order: Order) -> list[CaseResult]:
    with LiveProgress(order.case, Console(stderr=True)) as live:
        return [perform(order, live.push)]


def _perform_many(orders: Sequence[Order], jobs: int) -> list[CaseResult]:
    results: dict[int, CaseResult] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("cases", total=len(orders))
        for place, result in perform_all(orders, jobs=min(jobs, len(orders))):
            results[place] = result
            bar.update(task, advance=1, description=result.title)
    return [results[place] for place in sorted(results)]


def _show(results: Sequence[CaseResult], out: Console, elapsed_s: float) -> None:
    """Print the only case in full; of many, those that did not hold, and a line for each."""
    for result in results:
        is_telling = len(results) == 1 or exit_code([result]) != 0
        if result.summary is not None and is_telling:
            render_summary(result.summary, out)
    if len(results) > 1 or results[0].error is not None:
        render_overview(results, out, elapsed_s=elapsed_s)


# ---------------------------------------------------------------- looking things up


@main.command(short_help="Say all that is wrong with scenarios, and run nothing.")
@_scenario_files
@click.option(
    "--set", "overrides", multiple=True, callback=_overrides, metavar="KEY=VALUE", help="As in run."
)
def validate(files: Files, *, overrides: dict[str, str]) -> None:
    """Say everything that is wrong with scenarios, and run nothing."""
    cases = _loaded(files, overrides)
    for path in files:
        count = sum(each.path == path for each in cases)
        click.echo(f"{path}: good, {count} case{'s' * (count != 1)}")


@main.command()
@click.argument("history", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--scenario",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Whose expectations are meant; left out: every guarantee, and nothing else.",
)
def judge(history: Path, *, scenario: Path | None) -> None:
    """Judge a saved history.jsonl again."""
    try:
        record = load_history(history)
    except ValueError as error:
        _refuse([str(error)])
    expect, planned, its = Expect(), [], About()
    if scenario is not None:
        overrides = {key: str(value) for key, value in record.header.case.items()}
        case = _loaded([scenario], overrides)[0].case
        expect, its = case.scenario.expect, about(case.scenario)
        planned = [
            PlannedFault(fault=fault.id, type=fault.name()) for fault in case.scenario.faults
        ]
    verdict = judge_history(record, expect, planned=planned)
    again = f"simulate judge {history}" + (f" --scenario {scenario}" if scenario else "")
    summary = summarize(record, verdict, planned=planned, about=its, reproduce=again)
    render_summary(summary, Console())
    result = CaseResult(
        scenario=record.header.scenario,
        case=record.header.case,
        seed=record.header.seed,
        wall_s=0.0,
        summary=summary,
    )
    sys.exit(exit_code([result]))


main.add_command(crash_points)
main.add_command(faults)
main.add_command(guarantees)
main.add_command(schema)


if __name__ == "__main__":
    main()
