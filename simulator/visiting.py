"""Directors that run elsewhere, visited before anything runs: whether they can be tormented."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from simulator.choosing import Chosen
from simulator.engine.hosting import authority_of
from simulator.engine.target import Stock, Target, TargetError
from simulator.scenario.schema import Scenario

PATIENCE_S = 60.0
"""What somebody else's Director has to recover: OpenFL's looks for work only every ten seconds."""
_PATIENCE_PERIODS = 5
"""And no less than this, as silence is noticed after two, and everybody must be back in four."""


@dataclass(frozen=True, slots=True)
class _Door:
    """A way to a Director."""

    address: str
    identity: str
    ca_cert: str | None
    ca_key: str | None

    @classmethod
    def of(cls, scenario: Scenario) -> "_Door":
        spec = scenario.director
        return cls(spec.address or "", scenario.identity, spec.ca_cert, spec.ca_key)


def visited(chosen: Sequence[Chosen], *, clean: bool) -> Sequence[Chosen]:
    """Return cases as they can be run: with time to recover, or unfit, where a Director says so.

    `clean` removes experiments of their names first, which are theirs to upload.

    Raises:
        TargetError: not one of those that meet such a Director can be run.
    """
    doors: dict[_Door, list[Scenario]] = {}
    for each in chosen:
        if each.is_external and each.unfit is None:
            doors.setdefault(_Door.of(each.case.scenario), []).append(each.case.scenario)
    stocks: dict[_Door, Stock] = {}
    shut: dict[_Door, TargetError] = {}
    for door, scenarios in doors.items():
        try:
            stocks[door] = asyncio.run(_visit(scenarios, clean=clean))
        except TargetError as error:
            shut[door] = error
    if shut and not stocks:
        raise next(iter(shut.values()))
    return [_advised(each, stocks, shut) for each in chosen]


def _advised(
    each: Chosen, stocks: Mapping[_Door, Stock], shut: Mapping[_Door, TargetError]
) -> Chosen:
    door = _Door.of(each.case.scenario)
    if each.unfit is None and door in shut:
        return replace(each, unfit=str(shut[door]))
    if each.unfit is not None or door not in stocks:
        return each
    period_s = stocks[door].heartbeat_period_s or 0.0
    return each.patient(max(PATIENCE_S, _PATIENCE_PERIODS * period_s))


async def _visit(scenarios: Sequence[Scenario], *, clean: bool) -> Stock:
    target = Target(scenarios[0].director, authority_of(scenarios[0]))
    stock = await target.stock(scenarios[0])
    for scenario in scenarios:
        leftovers = await target.leftovers(scenario)
        if clean:
            await target.tidy(leftovers)
            leftovers = await target.leftovers(scenario)
        replace(stock, leftovers=leftovers).ensure_clear()
    return stock
