"""The live display: what a moment of a run looks like."""

import io

from rich.console import Console

from simulator.history.snapshot import ExperimentProgress, Snapshot
from simulator.report.progress import LiveProgress, picture


def a_snapshot(*, wall_s: float = 0.5, envoys: int = 12, experiments: int = 2) -> Snapshot:
    return Snapshot(
        now_s=134.2,
        until_s=540,
        wall_s=wall_s,
        phase="storm",
        rpcs=12_480,
        envoys_online=envoys - 1,
        envoys_total=envoys,
        faults_open=("silent-hearts", "blackhole-mid-download"),
        experiments=tuple(
            ExperimentProgress(name=f"e{number}", status="in_progress", round=2, rounds=3)
            for number in range(1, experiments + 1)
        ),
    )


def drawn(snapshot: Snapshot, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(picture("flaky_envoys", snapshot))
    return console.export_text()


def test_a_moment_shows_clock_speed_phase_presence_faults_and_rounds() -> None:
    text = drawn(a_snapshot())

    for shown in ("flaky_envoys", "storm", "02:14.2 of 09:00.0", "268", "11/12", "●" * 11 + "○"):
        assert shown in text
    assert "silent-hearts · blackhole-mid-download" in text
    assert text.count("round 2/3") == 2


def test_nothing_is_wider_than_the_terminal() -> None:
    text = drawn(a_snapshot(envoys=500, experiments=20), width=80)

    assert max(len(line) for line in text.splitlines()) <= 80
    assert "and 14 earlier experiments" in text


def test_a_run_that_has_not_begun_can_be_shown_too() -> None:
    text = drawn(
        Snapshot(now_s=0, until_s=0, wall_s=0, phase="", rpcs=0, envoys_online=0, envoys_total=0)
    )

    assert "starting" in text
    assert "no fault is open" in text


def test_what_is_no_terminal_is_left_alone() -> None:
    written = io.StringIO()

    with LiveProgress("flaky_envoys", Console(file=written)) as progress:
        progress.push(a_snapshot())

    assert written.getvalue() == ""


def test_a_terminal_is_redrawn_at_most_ten_times_a_second_and_left_clean() -> None:
    written = io.StringIO()

    with LiveProgress("flaky_envoys", Console(file=written, force_terminal=True)) as progress:
        progress.push(a_snapshot(wall_s=0.50))
        once = written.getvalue().count("storm")
        progress.push(a_snapshot(wall_s=0.55))
        twice = written.getvalue().count("storm")
        progress.push(a_snapshot(wall_s=0.65))

    assert (once, twice) == (1, 1)
    assert written.getvalue().count("storm") >= 2
