"""What happens when: phases one after the other, and within them the windows of faults.

Whatever has a time is laid out before the run; only what waits for an event is decided while it
goes.  No window outlives the phases: the recovery begins with every fault healed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from simulator.engine.window import Course, Window
from simulator.faults import Fault
from simulator.faults.holds import Holds
from simulator.faults.when import At, During, Every, OnEvent
from simulator.history.entry import JsonObject
from simulator.history.fields import text
from simulator.scenario.schema import Phase, Scenario
from simulator.world import World

Step = Callable[[], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class LedgerLine:
    """What became of one fault."""

    fault: str
    """Its id."""
    type: str
    planned: int
    """How often it was to fire; chance, death and events may decide otherwise."""
    fired: int = 0
    touched: int = 0
    """How many messages and actors it laid hands on."""


class Timeline:
    """Plays one scenario's phases and faults over a world, once."""

    def __init__(self, scenario: Scenario, world: World) -> None:
        self._scenario = scenario
        self._world = world
        self._phase = ""
        self._error: BaseException | None = None
        self._alarm: asyncio.Future[None] | None = None
        self._windows: list[tuple[Course, Window]] = []
        """All there were, in the order in which they came."""
        holds, roster = Holds(), scenario.roster()
        self._courses = [
            Course(world, fault, roster, holds, self._own) for fault in scenario.faults
        ]
        self._firings = [
            (at_s, course)
            for course in self._courses
            for at_s in _times(course.fault, scenario, world)
        ]
        self._waiting: dict[str, list[tuple[Course, OnEvent]]] = {}
        for course in self._courses:
            when = course.fault.when
            if isinstance(when, OnEvent):
                self._waiting.setdefault(when.event, []).append((course, when))
        planned = [course.fault.id for _, course in self._firings]
        self._ledger = {
            fault.id: LedgerLine(
                fault=fault.id, type=fault.name(), planned=planned.count(fault.id) or 1
            )
            for fault in scenario.faults
        }

    @property
    def ledger(self) -> Sequence[LedgerLine]:
        """What became of each fault so far, in the order of the file."""
        return tuple(self._ledger.values())

    async def run(self) -> None:
        """Play all phases, heal everything, and let the recovery pass.

        Whatever way it ends, every fault is healed; an error of a fault ends it at once.
        """
        stop_listening = self._world.on_event(self._hear)
        began_s = asyncio.get_running_loop().time()
        try:
            for at_s, _, step in sorted(self._agenda(), key=lambda entry: entry[:2]):
                await self._until(began_s + at_s)
                await step()
            await self._close(self._windows, at_once=True)
            await self._recover()
        finally:
            await self._close(self._windows, at_once=True)
            stop_listening()

    # ------------------------------------------------------------ what is laid out

    def _agenda(self) -> Iterator[tuple[float, int, Step]]:
        """Yield (when, rank, what); at one moment a phase ends, the next begins, faults fire."""
        for at_s, phase in _beginnings(self._scenario):
            yield at_s, 1, partial(self._begin, phase)
            yield at_s + phase.lasts, 0, partial(self._end, phase)
        for at_s, course in self._firings:
            yield at_s, 2, partial(self._fire, course)

    async def _begin(self, phase: Phase) -> None:
        self._phase = phase.name
        self._world.record.note("phase", {"name": phase.name, "state": "begin"})

    async def _fire(self, course: Course) -> None:
        course.fire()

    async def _end(self, phase: Phase) -> None:
        inside = [entry for entry in self._windows if _belongs(entry[0].fault, phase)]
        await self._close(inside, at_once=False)
        self._phase = ""
        self._world.record.note("phase", {"name": phase.name, "state": "end"})

    async def _recover(self) -> None:
        loop = asyncio.get_running_loop()
        self._world.record.note("phase", {"name": "recover", "state": "begin"})
        await self._until(loop.time() + self._scenario.recover)
        self._world.record.note("phase", {"name": "recover", "state": "end"})
        self._world.record.note("phase", {"name": "done", "state": "begin"})

    async def _close(self, windows: Sequence[tuple[Course, Window]], *, at_once: bool) -> None:
        """Heal what is open, the last that came first."""
        for _, window in reversed(windows):
            await window.close(at_once=at_once)

    # ------------------------------------------------------------ waiting

    async def _until(self, when_s: float) -> None:
        """Wait for a moment of the loop's time; an error of a fault comes first."""
        loop = asyncio.get_running_loop()
        self._alarm = loop.create_future()
        ringing = loop.call_at(when_s, _ring, self._alarm)
        try:
            if self._error is None:
                await self._alarm
        finally:
            ringing.cancel()
        if self._error is not None:
            raise self._error

    def _own(self, course: Course, window: Window) -> None:
        self._windows.append((course, window))
        window.task.add_done_callback(self._notice)

    def _notice(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._error = self._error or error
            if self._alarm is not None:
                _ring(self._alarm)

    # ------------------------------------------------------------ listening

    def _hear(self, actor: str, topic: str, value: JsonObject) -> None:
        if topic in {"fault.open", "fault.touch"}:
            self._count(topic, value)
        for course, when in self._waiting.get(topic, ()):
            if self._phase and when.phase in {None, self._phase}:
                course.hear(when, actor, value)

    def _count(self, topic: str, value: JsonObject) -> None:
        line = self._ledger.get(text(value, "fault"))
        if line is None:
            # The weather, which is no fault.
            return
        if topic == "fault.touch":
            line.touched += 1
            return
        line.fired += 1
        # An event may open a fault for several actors, one after the other.
        line.planned = max(line.planned, line.fired)


def _ring(alarm: asyncio.Future[None]) -> None:
    if not alarm.done():
        alarm.set_result(None)


def _beginnings(scenario: Scenario) -> Iterator[tuple[float, Phase]]:
    at_s = 0.0
    for phase in scenario.phases:
        yield at_s, phase
        at_s += phase.lasts


def _times(fault: Fault, scenario: Scenario, world: World) -> Sequence[float]:
    """Return when a fault is to fire; nothing, where it waits for an event."""
    match fault.when:
        case At(at=at_s):
            return [at_s]
        case During(phase=name):
            return [at_s for at_s, phase in _beginnings(scenario) if phase.name == name]
        case Every(phase=None) as when:
            return list(_repeated(fault.id, when, 0.0, scenario.phases_s, world))
        case Every(phase=name) as when:
            return [
                time_s
                for at_s, phase in _beginnings(scenario)
                if phase.name == name
                for time_s in _repeated(fault.id, when, at_s, at_s + phase.lasts, world)
            ]
        case OnEvent():
            return []


def _repeated(
    fault: str, when: Every, from_s: float, until_s: float, world: World
) -> Iterator[float]:
    random = world.random(f"fault/{fault}/jitter")
    for number in count():
        at_s = from_s + number * when.every
        if at_s >= until_s:
            return
        jittered_s = at_s + (random.uniform(0.0, when.jitter) if when.jitter else 0.0)
        if jittered_s < until_s:
            yield jittered_s


def _belongs(fault: Fault, phase: Phase) -> bool:
    """Whether a fault is over when a phase is."""
    return isinstance(fault.when, During | Every) and fault.when.phase == phase.name
