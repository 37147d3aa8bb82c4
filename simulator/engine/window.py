"""The windows of one fault: when one opens, whom it hits, and that it is healed in the end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random

from simulator.faults import Fault
from simulator.faults.base import Chance, Firing, is_alive
from simulator.faults.holds import Holds
from simulator.faults.selector import Roster
from simulator.faults.when import At, Every, OnEvent
from simulator.history.entry import JsonObject
from simulator.world import World


class Window:
    """One time that a fault is in force; a task of its own opens it, holds it open and heals."""

    def __init__(
        self,
        world: World,
        fault: Fault,
        targets: Sequence[str],
        firing: Firing,
        *,
        lasts_s: float | None,
        after: "Window | None",
    ) -> None:
        """Opens as soon as `after` has closed; where it has no length, it lasts until `close`."""
        self._world = world
        self._fault = fault
        self._targets = tuple(targets)
        self._firing = firing
        self._lasts_s = lasts_s
        self._after = after
        self._over = asyncio.Event()
        self._is_open = False
        self._is_entered = False
        name = f"fault {fault.id} {firing.number}"
        self.task = asyncio.create_task(self._run(), name=name)

    def __repr__(self) -> str:
        state = "closed" if self.task.done() else "open" if self._is_open else "waiting"
        return f"<Window of {self._fault.id} on {', '.join(self._targets)}: {state}>"

    async def _run(self) -> None:
        if self._after is not None:
            await asyncio.wait([self._after.task])
        about: JsonObject = {
            "fault": self._fault.id,
            "type": self._fault.name(),
            "targets": list(self._targets),
        }
        self._is_open = True
        self._world.record.note("fault.open", about)
        try:
            async with self._fault.inject(self._world, self._targets, self._firing):
                self._is_entered = True
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._lasts_s):
                        await self._over.wait()
        finally:
            self._world.record.note("fault.close", about)

    async def close(self, *, at_once: bool) -> None:
        """Heal; an attack that is under way is broken off, or may finish unless `at_once`."""
        self._over.set()
        if self._is_open and not self._is_entered and not at_once:
            return
        if not self._is_entered:
            self.task.cancel()
        if not self.task.done():
            await asyncio.wait([self.task])


class Course:
    """Everything that one fault does in one run."""

    def __init__(
        self,
        world: World,
        fault: Fault,
        roster: Roster,
        holds: Holds,
        on_window: Callable[["Course", Window], None],
    ) -> None:
        """`on_window` is told of every window as it is made, and owns it from then on."""
        self.fault = fault
        self._world = world
        self._holds = holds
        self._on_window = on_window
        self._last: Window | None = None
        self._firings = 0
        self._counts: dict[str, int] = {}
        targets = fault.targets
        pool = () if targets is None else targets.pool(roster, fault.reaches())
        self._pool = [member.id for member in pool]
        self._picks = 1 if targets is None else targets.pick.of(len(pool))
        self._hit: dict[str, None] = {}

    @property
    def is_attack(self) -> bool:
        """Whether each firing brings in an attacker."""
        return self.fault.targets is not None and self.fault.targets.spawn

    # ------------------------------------------------------------ firing

    def fire(self) -> None:
        """Hit those whom chance picks; nobody, where chance or death will have it so."""
        targets = self.fault.targets
        if targets is None:
            self._open([])
            return
        there = [name for name in self._pool if self._can_be_hit(name)]
        chosen = targets.choose(there, self._random("pick"), among=len(self._pool))
        if chosen:
            self._open(chosen)

    def _can_be_hit(self, name: str) -> bool:
        return not self.fault.needs_life or is_alive(self._world, name)

    def _open(self, targets: Sequence[str]) -> None:
        self._firings += 1
        is_certain = self.fault.chance() is not Chance.FIRING or self.fault.probability >= 1
        if not is_certain and self._random("firing").random() >= self.fault.probability:
            return
        firing = Firing(number=self._firings, holds=self._holds)
        # One attacker of a name at a time; the next waits for it to leave.
        after = self._last if self.is_attack else None
        self._last = Window(
            self._world, self.fault, targets, firing, lasts_s=self._lasts_s(), after=after
        )
        self._on_window(self, self._last)

    def _lasts_s(self) -> float | None:
        natural_s = self.fault.lasts()
        if natural_s is not None:
            return natural_s
        match self.fault.when:
            case At(lasts=lasts_s) | Every(lasts=lasts_s) | OnEvent(lasts=lasts_s):
                return lasts_s
            case _:
                return None

    def _random(self, what: str) -> Random:
        return self._world.random(f"fault/{self.fault.id}/{what}")

    # ------------------------------------------------------------ events

    def hear(self, when: OnEvent, actor: str, value: JsonObject) -> None:
        """Count an event of the right topic, and fire where that is the one waited for."""
        if not _matches(when, actor, value):
            return
        if self.is_attack or actor not in self._pool:
            if self._is_nth(when, ""):
                self.fire()
        elif len(self._hit) < self._picks and self._is_nth(when, actor):
            self._hit[actor] = None
            self._open([actor])

    def _is_nth(self, when: OnEvent, whose: str) -> bool:
        self._counts[whose] = self._counts.get(whose, 0) + 1
        return self._counts[whose] == when.nth


def _matches(when: OnEvent, actor: str, value: JsonObject) -> bool:
    told: Mapping[str, object] = {"actor": actor, **value}
    return all(key in told and told[key] == wanted for key, wanted in when.match.items())
