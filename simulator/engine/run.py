"""One run of one case: everybody comes, things go wrong, all may heal, and is judged."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from director.clock import Clock, SystemClock
from director.storage.memory_disk import Operation
from director.transport.server import DirectorGRPCServer
from simulator.actors import canary
from simulator.checkers.judge import Verdict, judge
from simulator.checkers.validity import PlannedFault
from simulator.engine.cast import Arrival, Casting
from simulator.engine.chance import Chance
from simulator.engine.fitting import fitted
from simulator.engine.garbage import rarely_collected
from simulator.engine.heading import heading
from simulator.engine.host import Host, HostError, ServerFactory
from simulator.engine.hosting import authority_of, host_of
from simulator.engine.loop import DeadlockError, VirtualTimeLoop
from simulator.engine.memory_host import CrashPoint, MemoryHost
from simulator.engine.spectator import Spectator
from simulator.engine.target import Stock, Target, uploaded
from simulator.engine.timeline import Timeline
from simulator.engine.world import RunWorld
from simulator.history.entry import JsonObject
from simulator.history.history import History
from simulator.history.recorder import HistoryRecorder
from simulator.history.snapshot import Snapshot
from simulator.pki import Pki
from simulator.scenario.load import Case
from simulator.scenario.schema import Scenario

Watch = Callable[[Snapshot], None]

VIRTUAL_EPOCH = 1_767_225_600.0
"""When virtual runs begin: 2026-01-01T00:00:00Z, always, so that equal seeds give equal bytes."""

_SETTLE_S = 2.0
"""After everybody left, until the Director must hold no more than before anybody came."""
_DOWN_S = 1.0
"""How long a Director is away that died at a crash point."""
_LOOK_EVERY_S = {"virtual": 1.0, "wire": 0.1}


class HarnessError(RuntimeError):
    """The simulator itself failed: nothing can be said of the Director."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A run that is over."""

    case: Case
    seed: int
    history: History
    verdict: Verdict
    planned: Sequence[PlannedFault]
    """What was to go wrong."""
    wall_s: float
    """Real seconds that it took, judging included."""
    operations: int = 0
    """How many operations on its storage the Director did, where that can be counted."""


def run_case(
    case: Case,
    *,
    seed: int,
    factory: ServerFactory = DirectorGRPCServer,
    watch: Watch | None = None,
    crash_point: CrashPoint | None = None,
) -> Played:
    """Run a case in its world, and judge it; where there is a crash point, the Director dies there.

    Raises:
        HarnessError: an actor broke, nothing could happen any more, or the run did not end.
        TargetError: the Director runs elsewhere, and cannot be tormented as it is.
    """
    began_s = time.perf_counter()
    play = _Play(case, seed=seed, factory=factory, watch=watch, crash_point=crash_point)
    is_virtual = case.scenario.clock == "virtual"
    planned = [PlannedFault(fault=fault.id, type=fault.name()) for fault in case.scenario.faults]
    with rarely_collected() if is_virtual else nullcontext():
        try:
            with asyncio.Runner(loop_factory=VirtualTimeLoop if is_virtual else None) as runner:
                history = runner.run(play.run())
        except (DeadlockError, HostError) as error:
            raise HarnessError(str(error)) from error
        except ExceptionGroup as group:
            # Faults are brought about side by side: what stops one comes in a group.
            found: BaseException | None = group.subgroup(HostError)
            while isinstance(found, ExceptionGroup):
                found = found.exceptions[0]
            if found is None:
                raise
            raise HarnessError(str(found)) from group
        verdict = judge(history, play.scenario.expect, planned=planned)
    return Played(
        case=case,
        seed=seed,
        history=history,
        verdict=verdict,
        planned=planned,
        wall_s=time.perf_counter() - began_s,
        operations=play.operations,
    )


class _LoopClock:
    """The time of day in a virtual run: the loop's, from a fixed beginning."""

    def now(self) -> float:
        return VIRTUAL_EPOCH + asyncio.get_running_loop().time()


class _Play:
    """The run itself, from an empty stage to an empty stage."""

    def __init__(
        self,
        case: Case,
        *,
        seed: int,
        factory: ServerFactory,
        watch: Watch | None,
        crash_point: CrashPoint | None,
    ) -> None:
        self._case = case
        self.scenario = case.scenario
        self._seed = seed
        self._factory = factory
        self._watch = watch
        self._crash_point = crash_point
        self.operations = 0
        self._returning: asyncio.Task[None] | None = None
        self._errors: list[BaseException] = []
        self._lag_s = 0.0

    async def run(self) -> History:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_error)
        pki = authority_of(self.scenario)
        if self.scenario.director.run != "external":
            return await self._recorded(pki)
        target = Target(self.scenario.director, pki)
        stock = await target.stock(self.scenario)
        stock.ensure_clear()
        self.scenario = fitted(self.scenario, stock)
        return await self._recorded(pki, target, stock)

    async def _recorded(
        self, pki: Pki | None, target: Target | None = None, stock: Stock | None = None
    ) -> History:
        loop, scenario = asyncio.get_running_loop(), self.scenario
        began_s = loop.time()
        record = HistoryRecorder(lambda: loop.time() - began_s)
        clock: Clock = _LoopClock() if scenario.clock == "virtual" else SystemClock()
        header = heading(scenario, self._case.values, seed=self._seed, epoch=clock.now())
        songs = canary.songs()
        if stock is not None:
            record.note("target", {"envoys": stock.envoys})
        try:
            async with asyncio.timeout(scenario.timeout):
                await self._perform(record, clock, pki)
        except TimeoutError as error:
            raise HarnessError(
                f"the run did not end within {scenario.timeout:g} s of its own clock"
            ) from error
        finally:
            if target is not None:
                await target.tidy(uploaded(record.finish(header)))
        if self._errors:
            raise HarnessError(f"the simulator broke: {self._errors[0]!r}") from self._errors[0]
        record.note("canary", {"sung": canary.songs() - songs})
        if scenario.clock == "wire":
            record.note("harness.lag", {"max_s": self._lag_s})
        return record.finish(header)

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            loop.default_exception_handler(context)
        else:
            self._errors.append(error)

    async def _perform(self, record: HistoryRecorder, clock: Clock, pki: Pki | None) -> None:
        loop = asyncio.get_running_loop()
        host = host_of(
            self.scenario,
            clock=clock,
            pki=pki,
            factory=self._factory,
            crash_point=self._crash_point,
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(host.close)
            await host.start()
            record.note("director.start", {})
            if isinstance(host, MemoryHost):
                host.on_crash = partial(self._on_crash, record, host)
            _probe(record, host, "calm")
            casting = Casting(self.scenario, seed=self._seed, address=host.address, pki=pki)
            began_s = loop.time()
            world = RunWorld(
                host=host,
                record=record,
                chance=Chance(self._seed),
                now=lambda: loop.time() - began_s,
                attackers=casting.attacker,
            )
            await self._act(world, casting)
            for actor in world.actors():
                await actor.stop()
            await asyncio.sleep(_SETTLE_S)
            if self._returning is not None:
                await self._returning
            _probe(record, host, "end")
            if isinstance(host, MemoryHost):
                self.operations = host.operations

    def _on_crash(self, record: HistoryRecorder, host: Host, operation: Operation) -> None:
        """Write down that the Director died, and let it come back."""

        async def come_back() -> None:
            await asyncio.sleep(_DOWN_S)
            await host.start()
            record.note("director.start", {})

        told: JsonObject = {
            "signal": "power",
            "operation": operation.number,
            "kind": f"{operation.kind.value} {operation.path.partition('/')[0]}",
            "done": operation.is_done,
        }
        record.note("director.kill", told)
        self._returning = asyncio.create_task(come_back())

    async def _act(self, world: RunWorld, casting: Casting) -> None:
        """Play all phases and the recovery, with everybody in it."""
        scenario = self.scenario
        timeline = Timeline(scenario, world)
        with scenario.network.over(world):
            async with asyncio.TaskGroup() as helpers:
                arriving = helpers.create_task(_arrive(world, casting.arrivals(world)))
                looking = helpers.create_task(self._look(world))
                await timeline.run()
                arriving.cancel()
                looking.cancel()

    async def _look(self, world: RunWorld) -> None:
        """Show the run to whoever watches, and notice how late the loop is."""
        scenario, loop = self.scenario, asyncio.get_running_loop()
        spectator = Spectator(rounds=lambda _: _rounds(scenario))
        world.on_event(spectator.listen)
        envoys = sum(group.count for group in scenario.envoys)
        began_s, step_s = time.perf_counter(), _LOOK_EVERY_S[scenario.clock]
        while True:
            due_s = loop.time() + step_s
            await asyncio.sleep(step_s)
            self._lag_s = max(self._lag_s, loop.time() - due_s)
            if self._watch is None:
                continue
            snapshot = spectator.snapshot(
                now_s=world.now(),
                until_s=scenario.phases_s + scenario.recover,
                wall_s=time.perf_counter() - began_s,
                rpcs=world.record.calls,
                envoys=envoys,
            )
            self._watch(snapshot)


async def _arrive(world: RunWorld, arrivals: Sequence[Arrival]) -> None:
    """Let everybody come at their time; those of one moment in the order of the file."""
    for arrival in arrivals:
        world.enter(arrival.actor)
    for arrival in sorted(arrivals, key=lambda arrival: arrival.at_s):
        await asyncio.sleep(max(0.0, arrival.at_s - world.now()))
        # A fault may have started it already, by restarting it.
        if not arrival.actor.is_alive:
            await arrival.actor.start()


def _probe(record: HistoryRecorder, host: Host, at: str) -> None:
    """Write down what the Director holds, as far as anybody can look into it."""
    held = host.held()
    if held:
        record.note("probe", {"at": at, "open_calls": host.network.open_calls(), **held})


def _rounds(scenario: Scenario) -> int:
    return max((group.training.rounds for group in scenario.envoys), default=0)
