"""`simulate run`: scenarios are played, the Director is judged, and everything is told."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import click
from rich.console import Console

from simulator.batch import Order, perform, perform_all
from simulator.choosing import Chosen, against, cases_against, cases_of
from simulator.engine.target import TargetError
from simulator.options import (
    Files,
    filed,
    first_seed,
    folders,
    jobs_option,
    made,
    refuse,
    report_option,
    scenario_files,
    seed_option,
    set_option,
    watched,
)
from simulator.report.cases import CaseResult, exit_code
from simulator.report.console import render_summary
from simulator.report.overview import render_overview
from simulator.report.progress import LiveProgress
from simulator.scenario.problem import ScenarioError
from simulator.scenario.schema import is_address
from simulator.visiting import PATIENCE_S, visited
from simulator.workers import stopped_by

_PEM = click.Path(path_type=Path, exists=True, dir_okay=False)
_LEFT_OVER = "the run was interrupted"


def _address(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    del ctx, param
    if value is not None and not is_address(value):
        raise click.BadParameter(f"{value!r} is not HOST:PORT, such as 127.0.0.1:50051")
    return value


@click.command()
@scenario_files
@click.option("--wire", is_flag=True, help="On real gRPC sockets, in real time.")
@click.option(
    "--target",
    metavar="HOST:PORT",
    callback=_address,
    help=f"Against a Director that runs elsewhere; it has at least {PATIENCE_S:g} s to recover.",
)
@click.option(
    "--ca-cert",
    type=_PEM,
    help="With --target and identity=mtls: the certificate of the authority that it trusts.",
)
@click.option("--ca-key", type=_PEM, help="The key of that authority, without a password.")
@click.option(
    "--clean",
    is_flag=True,
    help="With --target: first remove experiments there that the scenarios are to upload.",
)
@seed_option
@click.option(
    "--seeds", type=click.IntRange(min=1), metavar="N", help="Run each case with N seeds in turn."
)
@set_option
@click.option("--case", "wanted", metavar="NAME", help="Only the cases of this name (or part).")
@click.option("--tag", "tag", metavar="TAG", help="Only scenarios that bear this tag.")
@report_option
@jobs_option
def run(
    files: Files,
    *,
    wire: bool,
    target: str | None,
    ca_cert: Path | None,
    ca_key: Path | None,
    clean: bool,
    seed: int | None,
    seeds: int | None,
    overrides: dict[str, str],
    wanted: str | None,
    tag: str | None,
    report: Path | None,
    jobs: int,
) -> None:
    """Run scenarios and judge the Director by its guarantees."""
    if target is None and (ca_cert or ca_key or clean):
        raise click.UsageError("--ca-cert, --ca-key and --clean are of use with --target only")
    if wire:
        overrides = {**overrides, "clock": "wire"}
    elsewhere = None if target is None else against(target, ca_cert, ca_key)
    chosen = _chosen(files, elsewhere, overrides, wanted=wanted, tag=tag, clean=clean)
    made(report)
    orders = _orders(chosen, seed, seeds, report)
    unfit = [each.unfit for each in chosen for _ in range(seeds or 1)]
    if any(each.is_external for each in chosen):
        jobs = 1  # one federation at a time: they would meet each other's envoys in it
    began_s = perf_counter()
    results, interrupted = _performed(orders, unfit, jobs)
    out, elapsed_s = Console(), perf_counter() - began_s
    _show(results, out, elapsed_s)
    filed(report, orders, results, elapsed_s=elapsed_s, out=out)
    sys.exit(interrupted or exit_code(results))


def _chosen(
    files: Files,
    elsewhere: Mapping[str, str] | None,
    overrides: Mapping[str, str],
    *,
    wanted: str | None,
    tag: str | None,
    clean: bool,
) -> Sequence[Chosen]:
    """Return the cases that are wanted; where nothing can be run, say why and end."""
    try:
        if elsewhere is None:
            cases = cases_of(files, overrides)
        else:
            cases = cases_against(elsewhere, files, overrides)
        chosen = [each for each in cases if each.is_wanted(wanted, tag)]
        if not chosen:
            refuse(["no case of these scenarios is called so, or bears this tag"])
        ready = visited(chosen, clean=clean)
        if all(each.unfit for each in ready):
            refuse(f"{each.case.name}: {each.unfit}" for each in ready)
    except ScenarioError as error:
        refuse(error.problems)
    except TargetError as error:
        refuse([error])
    return ready


def _orders(
    chosen: Sequence[Chosen], seed: int | None, seeds: int | None, report: Path | None
) -> Sequence[Order]:
    wanted = []
    for each in chosen:
        first = first_seed(each.case, seed)
        wanted += [(each, number) for number in range(first, first + (seeds or 1))]
    names = [f"{each.case.name}-{number}" if seeds else each.case.name for each, number in wanted]
    return [
        Order.of(each.case, each.path, each.overrides, seed=number, report=folder)
        for (each, number), folder in zip(wanted, folders(report, names), strict=True)
    ]


def _performed(
    orders: Sequence[Order], unfit: Sequence[str | None], jobs: int
) -> tuple[Sequence[CaseResult], int]:
    """Return a result for each order, and the exit code of an interruption, or 0."""
    places = [place for place, why in enumerate(unfit) if why is None]
    todo = [orders[place] for place in places]
    if len(orders) == 1:
        found, interrupted = _watched_alone(orders[0])
    else:
        found, interrupted = watched(
            perform_all(todo, jobs=jobs), len(todo), lambda result: result.title
        )
    came = {places[place]: result for place, result in found.items()}
    results = [
        came[place] if place in came else order.result(not_run=unfit[place] or _LEFT_OVER)
        for place, order in enumerate(orders)
    ]
    return results, interrupted


def _watched_alone(order: Order) -> tuple[Mapping[int, CaseResult], int]:
    """Run the only case while people watch it."""
    try:
        with LiveProgress(order.case, Console(stderr=True)) as live:
            return {0: perform(order, live.push)}, 0
    except SystemExit as told_to:
        return {}, stopped_by(told_to)


def _show(results: Sequence[CaseResult], out: Console, elapsed_s: float) -> None:
    """Print the only case in full; of many, those that did not hold, and a line for each."""
    for result in results:
        is_telling = len(results) == 1 or exit_code([result]) != 0
        if result.summary is not None and is_telling:
            render_summary(result.summary, out)
    if len(results) > 1 or results[0].summary is None:
        render_overview(results, out, elapsed_s=elapsed_s)
