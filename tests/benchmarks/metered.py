"""What metrics cost: heartbeats in a second, 64 at once, with them and without.

Run it as `python -m tests.benchmarks.metered`; the first figure is with metrics.
"""

import asyncio

from tests.benchmarks.heartbeats import HEARTBEATS, heartbeats, register
from tests.benchmarks.measuring import alternate, heading, row
from tests.benchmarks.sides import Side, both

_NAMES = ("metered", "director")


async def measure(sides: tuple[Side, Side]) -> None:
    for side in sides:
        await register(side)
    heading("heartbeats", "RPC/s", _NAMES)
    row(
        "64 at once",
        *await alternate(sides, heartbeats, rounds=9),
        units=HEARTBEATS,
        unit="RPC",
    )


def main() -> None:
    with both(_NAMES) as sides:
        asyncio.run(measure(sides))


if __name__ == "__main__":
    main()
