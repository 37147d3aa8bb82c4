"""`simulate`: run scenarios against a Director, and look up what they may say.

Exit codes: 0 held, 1 broken, 2 nothing could be run, 3 inconclusive, 4 the harness failed,
130 interrupted, 143 terminated.
"""

import shlex
import sys
from itertools import chain
from pathlib import Path

import click
from rich.console import Console

from simulator.batch import about
from simulator.catalogue import faults, guarantees, schema
from simulator.checkers.expect import Expect
from simulator.checkers.found import is_shared
from simulator.checkers.judge import judge as judge_history
from simulator.checkers.validity import PlannedFault
from simulator.crash_points import command as crash_points
from simulator.history.codec import load as load_history
from simulator.history.history import History
from simulator.options import Files, loaded, refuse, scenario_files, set_option
from simulator.report.cases import CaseResult, exit_code
from simulator.report.console import render_summary
from simulator.report.summary import About, summarize
from simulator.running import run
from simulator.scenario.schema import Scenario
from simulator.sweeping import command as sweep


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


# ---------------------------------------------------------------- looking things up


@main.command(short_help="Say all that is wrong with scenarios, and run nothing.")
@scenario_files
@set_option
def validate(files: Files, *, overrides: dict[str, str]) -> None:
    """Say everything that is wrong with scenarios, and run nothing."""
    cases = loaded(files, overrides)
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
@set_option
def judge(history: Path, *, scenario: Path | None, overrides: dict[str, str]) -> None:
    """Judge a saved history.jsonl again."""
    if overrides and scenario is None:
        raise click.UsageError("--set is of use with --scenario only")
    try:
        record = load_history(history)
    except ValueError as error:
        refuse([error])
    expect, planned, its = Expect(), [], About()
    if scenario is not None:
        values = {key: str(value) for key, value in record.header.case.items()}
        meant = loaded([scenario], {**values, **overrides})[0].case.scenario
        expect, its = _expected(meant, record), about(meant)
        planned = [PlannedFault(fault=fault.id, type=fault.name()) for fault in meant.faults]
    verdict = judge_history(record, expect, planned=planned)
    again = _again(history, scenario, overrides)
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


def _expected(scenario: Scenario, record: History) -> Expect:
    """Return what was expected of the run: somebody else's Director has a pace of its own."""
    if not is_shared(record):
        return scenario.expect
    written_s = scenario.director.config.heartbeat_period
    return scenario.expect.paced(record.header.heartbeat_period_s / written_s)


def _again(history: Path, scenario: Path | None, overrides: dict[str, str]) -> str:
    told = [] if scenario is None else ["--scenario", str(scenario)]
    told += chain.from_iterable(["--set", f"{key}={value}"] for key, value in overrides.items())
    return shlex.join(["simulate", "judge", str(history), *told])


main.add_command(run)
main.add_command(crash_points)
main.add_command(faults)
main.add_command(guarantees)
main.add_command(schema)
main.add_command(sweep)


if __name__ == "__main__":
    main()
