"""The live display of a run: its clock, who is online, what is broken, how far training has come.

It draws what it is given and asks for nothing, so that watching a run cannot change it.
"""

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from simulator.history.snapshot import ExperimentProgress, Snapshot
from simulator.report.style import STATUS_STYLES, clock, thousands

# Ten pictures a second look alive; more would only slow the run down.
_REFRESH_S = 0.1
_BAR_WIDTH = 30
# Beyond so many envoys one dot each is noise, and a bar says it better.
_MOST_DOTS = 40
_MOST_EXPERIMENTS = 6
# From here on, tenths of a speed tell nobody anything.
_FAST = 10


class LiveProgress:
    """Shows snapshots while its context lasts, and leaves nothing behind.

    On anything that is no terminal it shows nothing.
    """

    def __init__(self, title: str, console: Console) -> None:
        """Prepare to show a run under its title; `console` is usually on stderr."""
        self._title = title
        # No thread of rich's own: a picture is drawn when the run offers one.
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._is_shown = console.is_terminal
        self._drawn_at_s = -_REFRESH_S

    def __enter__(self) -> Self:
        if self._is_shown:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_shown:
            self._live.stop()

    def push(self, snapshot: Snapshot) -> None:
        """Show a newer moment, unless the last picture is hardly older."""
        if not self._is_shown or snapshot.wall_s - self._drawn_at_s < _REFRESH_S:
            return
        self._drawn_at_s = snapshot.wall_s
        self._live.update(picture(self._title, snapshot), refresh=True)


def picture(title: str, snapshot: Snapshot) -> RenderableType:
    """Return one moment of a run, drawn."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True, max_width=24)
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True)
    rows.add_row("time", _bar(snapshot.now_s, snapshot.until_s), _speed(snapshot))
    rows.add_row("envoys", _envoys(snapshot), f"{snapshot.envoys_online}/{snapshot.envoys_total}")
    for experiment in snapshot.experiments[-_MOST_EXPERIMENTS:]:
        rows.add_row(experiment.name, *_experiment(experiment))
    hidden = len(snapshot.experiments) - _MOST_EXPERIMENTS
    if hidden > 0:
        rows.add_row("", Text(f"and {hidden} earlier experiments", style="dim"), "")
    return Group(_headline(title, snapshot), rows, _faults(snapshot))


def _headline(title: str, snapshot: Snapshot) -> Text:
    return Text.assemble(
        (title, "bold"),
        ("  ", ""),
        (snapshot.phase or "starting", "bold cyan"),
        (f"  {thousands(snapshot.rpcs)} RPCs", "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )


def _speed(snapshot: Snapshot) -> Text:
    speed = snapshot.now_s / snapshot.wall_s if snapshot.wall_s > 0 else 0.0
    times = f"{speed:,.0f}" if speed >= _FAST else f"{speed:.1f}"
    return Text.assemble(
        f"{clock(snapshot.now_s)} of {clock(snapshot.until_s)}",
        (f"  {times}\N{MULTIPLICATION SIGN} real time", "dim"),
    )


def _bar(done: float, total: float) -> ProgressBar:
    return ProgressBar(
        total=max(total, 0.001),
        completed=min(done, total),
        width=_BAR_WIDTH,
        complete_style="cyan",
        finished_style="cyan",
    )


def _envoys(snapshot: Snapshot) -> RenderableType:
    online, total = snapshot.envoys_online, snapshot.envoys_total
    if total > _MOST_DOTS:
        return _bar(online, total)
    return Text.assemble(("●" * online, "cyan"), ("○" * max(0, total - online), "yellow"))


def _experiment(experiment: ExperimentProgress) -> tuple[RenderableType, Text]:
    status = Text(experiment.status, style=STATUS_STYLES.get(experiment.status, ""))
    bar = _bar(experiment.round, experiment.rounds) if experiment.rounds else Text("")
    rounds = f"  round {experiment.round}/{experiment.rounds}" if experiment.rounds else ""
    return bar, Text.assemble(status, (rounds, "dim"))


def _faults(snapshot: Snapshot) -> Text:
    if not snapshot.faults_open:
        return Text("no fault is open", style="dim")
    return Text.assemble(
        ("⚡ ", "bold yellow"),
        (" · ".join(snapshot.faults_open), "yellow"),
        no_wrap=True,
        overflow="ellipsis",
    )
