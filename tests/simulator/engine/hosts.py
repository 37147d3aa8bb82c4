"""Directors on hosts of every kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from director.clock import Clock, SystemClock
from director.offload import in_thread, inline
from simulator.engine.host import Blueprint, Host
from simulator.engine.memory_host import MemoryHost
from simulator.engine.run import VIRTUAL_EPOCH
from simulator.engine.subprocess_host import SubprocessHost
from simulator.engine.wire_host import WireHost
from simulator.network.api import ClientCredentials, RuleBook
from simulator.pki import Pki
from simulator.scenario.schema import DirectorSpec

DEADLINE_S = 10.0


class LoopClock:
    def now(self) -> float:
        return VIRTUAL_EPOCH + asyncio.get_running_loop().time()


def host_of(kind: str, pki: Pki | None, spec: DirectorSpec) -> Host:
    is_virtual = kind == "memory"
    clock: Clock = LoopClock() if is_virtual else SystemClock()
    blueprint = Blueprint(
        spec=spec,
        clock=clock,
        offload=inline if is_virtual else in_thread,
        credentials=None if pki is None else pki.server(),
    )
    match kind:
        case "memory":
            return MemoryHost(blueprint, RuleBook())
        case "wire":
            return WireHost(blueprint, RuleBook())
        case _:
            return SubprocessHost(blueprint, RuleBook(), visitor=credentials_of(pki, "visitor"))


def credentials_of(pki: Pki | None, name: str) -> ClientCredentials | None:
    return None if pki is None else pki.client(name)


@asynccontextmanager
async def hosted(
    kind: str, pki: Pki | None = None, spec: DirectorSpec | None = None
) -> AsyncIterator[Host]:
    host = host_of(kind, pki, spec or DirectorSpec())
    try:
        await host.start()
        yield host
    finally:
        await host.close()
