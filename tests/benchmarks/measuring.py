"""How both sides are measured: in turns, in one run, and printed as ratios."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.sides import NAMES, Side

Round = Callable[[Side], Awaitable[float]]
"""Does one round of work; returns the figure that is compared, such as a rate."""


@dataclass(frozen=True)
class Result:
    """The medians of all rounds; processor time is the server's, in one round."""

    figure: float
    cpu_s: float


async def alternate(sides: Sequence[Side], round_of: Round, *, rounds: int) -> list[Result]:
    """Let both sides take turns, after a round each that does not count."""
    figures: list[list[float]] = [[] for _ in sides]
    times: list[list[float]] = [[] for _ in sides]
    for number in range(rounds + 1):
        for place, side in enumerate(sides):
            before_s = side.cpu_s()
            figure = await round_of(side)
            if number:
                figures[place].append(figure)
                times[place].append(side.cpu_s() - before_s)
    return [
        Result(figure=median(figure), cpu_s=median(cpu_s))
        for figure, cpu_s in zip(figures, times, strict=True)
    ]


def heading(title: str, unit: str, names: tuple[str, str] = NAMES) -> None:
    """Print what is measured, and how busy the machine is with something else."""
    print(f"{title}  (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors)")
    columns = (*(f"{name} {unit}" for name in names), "ratio", "server CPU ratio")
    print(f"{'':30}" + "".join(f"{column:>20}" for column in columns))


def row(name: str, one: Result, other: Result, *, units: float = 1, unit: str = "round") -> None:
    """Print one comparison; a round does so many units of work."""
    cpu_us = [1e6 * result.cpu_s / units for result in (one, other)]
    figures = _ratio(one.figure, other.figure)
    print(
        f"{name:30}{one.figure:>20,.1f}{other.figure:>20,.1f}"
        f"{figures:>20.3f}{_ratio(*cpu_us):>20.3f}"
        f"   {cpu_us[0]:,.0f} and {cpu_us[1]:,.0f} us of CPU a {unit}"
    )


def _ratio(one: float, other: float) -> float:
    return one / other if other else float("nan")


async def rate_of(work: Callable[[], Awaitable[object]], *, times: int, at_once: int) -> float:
    """Return how often a second the work is done, so many at once."""
    left = times

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await work()

    began_s = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return times / (time.perf_counter() - began_s)
