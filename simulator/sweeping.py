"""`simulate sweep`: search for a scenario that breaks a guarantee, and write down the smallest."""

import shlex
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from director.transport.server import DirectorGRPCServer
from simulator.directors_log import directors_log
from simulator.engine.host import ServerFactory
from simulator.options import loaded, refuse, set_option
from simulator.report.style import readable
from simulator.scenario.load import Case

if TYPE_CHECKING:
    from simulator.engine.sweep import Found, Swept

_BROKEN = 1
_UNKNOWN = 3


@click.command("sweep", short_help="Search for a smallest scenario that breaks a guarantee.")
@click.argument("path", type=click.Path(path_type=Path), metavar="SCENARIO")
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="How many variants to draw.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the search: the same finds the same.",
)
@set_option
@click.option("--case", "wanted", metavar="NAME", help="Another case than the first of a matrix.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write what is found; left out: here, named after the promise.",
)
def command(
    path: Path,
    *,
    examples: int,
    seed: int,
    overrides: dict[str, str],
    wanted: str | None,
    output: Path | None,
) -> None:
    """Draw variants of a scenario until one breaks a guarantee, and shrink it.

    Variants have the scenario's people, weather and faults, or fewer, at other times and with
    other seeds; what is found is written as a scenario that breaks the same guarantee.  In
    virtual time.  Needs: pip install 'squall[sweep]'.
    """
    cases = loaded([path], {**overrides, "clock": "virtual"})
    chosen = next((each.case for each in cases if wanted is None or wanted in each.case.name), None)
    if chosen is None:
        refuse([f"{path}: no case is called so"])
    told = chain.from_iterable(["--set", f"{key}={value}"] for key, value in overrides.items())
    case = [] if wanted is None else ["--case", wanted]
    numbers = ["--examples", str(examples), "--seed", str(seed)]
    again = shlex.join(["simulate", "sweep", str(path), *told, *case, *numbers])
    sys.exit(search(chosen, examples=examples, seed=seed, again=again, output=output))


def search(
    case: Case,
    *,
    examples: int,
    seed: int,
    again: str,
    output: Path | None = None,
    factory: ServerFactory = DirectorGRPCServer,
) -> int:
    """Search around a case, write what is found, tell of it, and return the exit code.

    `again` is the command that does the same.
    """
    swept = _with_progress(case, examples=examples, seed=seed, factory=factory)
    for why in swept.failed:
        click.echo(f"not judged: {why}", err=True)
    out = Console(highlight=False, soft_wrap=True)
    found = swept.found
    if found is None:
        out.print(f"{case.name}: {swept.runs} runs, and no guarantee broke", markup=False)
        return _UNKNOWN if swept.failed else 0
    place = output or Path(f"{found.name}.yaml")
    try:
        place.write_text(found.text(again=again, place=place), encoding="utf-8")
    except OSError as error:
        refuse([f"{place}: cannot be written: {error.strerror}"])
    _show(swept, found, place, out)
    return _BROKEN


def _with_progress(case: Case, *, examples: int, seed: int, factory: ServerFactory) -> "Swept":
    try:
        # It takes a moment to load, which no other command shall wait for.
        from simulator.engine.sweep import sweep  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise click.UsageError(
            "the search needs Hypothesis: pip install 'squall[sweep]'"
        ) from error
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with (
        directors_log(None, is_virtual=True),
        Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar,
    ):
        task = bar.add_task("searching", total=None)
        return sweep(
            case,
            examples=examples,
            seed=seed,
            factory=factory,
            on_run=lambda told: bar.update(task, advance=1, description=told),
        )


def _show(swept: "Swept", found: "Found", place: Path, out: Console) -> None:
    shrunk = swept.runs - found.found_after
    out.print(f"{found.guarantee} is broken: {readable(found.message)}", markup=False)
    out.print(f"found in run {found.found_after}, made smaller in {shrunk} more", markup=False)
    out.print(f"written: {place}", markup=False)
    out.print(f"reproduce: {shlex.join(['simulate', str(place)])}", markup=False)
