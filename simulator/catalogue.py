"""What a scenario may say: `simulate faults`, `simulate guarantees` and `simulate schema`."""

import click
from rich.console import Console
from rich.table import Table

from simulator.checkers import CHECKERS
from simulator.faults.describe import describe_faults
from simulator.scenario.export import schema_text


@click.command()
def faults() -> None:
    """List the faults, and what each may be told."""
    out = Console(highlight=False)
    for fault in describe_faults():
        out.print(f"[bold]{fault.name}[/bold]  {fault.summary}")
        rows = Table.grid(padding=(0, 2))
        rows.add_column(no_wrap=True)
        rows.add_column()
        rows.add_row("  [dim]hits[/dim]", f"{fault.targets}; probability: of a {fault.chance}")
        for parameter in fault.parameters:
            known = [parameter.kind]
            if parameter.is_required:
                known.append("required")
            elif parameter.default:
                known.append(f"default {parameter.default}")
            told = f"{parameter.summary} [dim]({'; '.join(known)})[/dim]"
            rows.add_row(f"  [cyan]{parameter.name}[/cyan]", told)
        out.print(rows)
        out.print()


@click.command()
def guarantees() -> None:
    """List the promises that a Director is judged by."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for checker in CHECKERS:
        table.add_row(checker.guarantee, checker.kind.value, checker.promise)
    Console().print(table)


@click.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    click.echo(schema_text(), nl=False)
