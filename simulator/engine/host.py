"""The Director under test: how it is started, taken down, looked into, and reached.

A host hides whether the Director lives in this process, in another, or belongs to somebody else.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from director import Director, DirectorGRPCServer
from director.clock import Clock
from director.interface import ReviewPlan
from director.offload import Offload
from director.settings import Settings
from simulator.engine.kept import Kept
from simulator.network.api import Network, ServerCredentials
from simulator.scenario.schema import DirectorSpec, Review
from simulator.world import Signal

ServerFactory = Callable[..., DirectorGRPCServer]
"""Takes the keywords of `DirectorGRPCServer`; tests plant bugs by giving another."""

LOOPBACK = "127.0.0.1"


class HostError(RuntimeError):
    """The Director under test could not be started; the message says why."""


class Host(Protocol):
    """The Director under test, and the network that leads to it."""

    network: Network
    address: str
    """"host:port", as actors and plans name it."""

    async def start(self) -> None:
        """Bring it up, or up again, with what it had kept.

        Raises:
            HostError: it does not come up.
        """

    async def take_down(self, signal: Signal) -> None:
        """Let it end; harmless where it does not run."""

    def held(self) -> Mapping[str, int]:
        """Return what the Director holds, by kind; empty where nobody can look into it."""

    async def close(self) -> None:
        """Stop it if it runs, and the network with it; nothing is left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """Everything about the Director that a run decides."""

    spec: DirectorSpec
    clock: Clock
    offload: Offload
    credentials: ServerCredentials | None = None
    """Left out: plaintext."""
    factory: ServerFactory = DirectorGRPCServer

    def build(self, folder: Path, *, host: str, port: int, kept: Kept) -> DirectorGRPCServer:
        """Construct the server, its certificates in files as operators have them."""
        state = kept.opened()
        return self.factory(
            director_cls=Director,
            listen_host=host,
            listen_port=port,
            envoy_health_check_period=self.spec.config.heartbeat_period,
            sample_shape=self.spec.config.sample_shape,
            target_shape=self.spec.config.target_shape,
            settings=Settings(limits=self.spec.limits, **self.policies()),
            review_plan_callback=_reviewer(self.spec.review),
            journal=state.journal,
            archives=state.archives,
            clock=self.clock,
            offload=self.offload,
            **self._tls(folder),
        )

    def policies(self) -> dict[str, Any]:
        """Return the settings that say for whom a round waits, and what is kept, how long."""
        config = self.spec.config
        return {
            "quorum": config.quorum,
            "offline_grace_s": config.offline_grace,
            "below_quorum_s": config.below_quorum,
            "straggler_cutoff_s": config.straggler_cutoff,
            "retention": {
                "max_age_s": config.retention.max_age,
                "max_bytes": config.retention.max_size,
            },
        }

    def _tls(self, folder: Path) -> dict[str, Any]:
        files = certificate_files(self.credentials, folder)
        return {"tls": bool(files), **files}


def certificate_files(credentials: ServerCredentials | None, folder: Path) -> dict[str, Path]:
    """Write what a server shows into files; return them by the names operators know, or none."""
    if credentials is None:
        return {}
    contents = {
        "root_certificate": credentials.root_certificate,
        "private_key": credentials.private_key,
        "certificate": credentials.certificate,
    }
    files = {name: folder / name for name in contents}
    for name, content in contents.items():
        files[name].write_bytes(content)
    return files


def held_by(server: DirectorGRPCServer | None) -> Mapping[str, int]:
    """Return what a Director in this process holds; nothing where it is not one of ours."""
    director = None if server is None else server.director
    return director.held() if isinstance(director, Director) else {}


async def abandon(server: DirectorGRPCServer) -> None:
    """End all that a Director in this process still does, without its goodbye."""
    if isinstance(server.director, Director):
        await server.director.abandon()


def _reviewer(review: Review | None) -> ReviewPlan | None:
    """Return a person who looks at experiments as the scenario says, or nobody."""
    if review is None:
        return None

    async def look(experiment: str, plan: Path) -> bool:
        del plan
        await asyncio.sleep(review.takes)
        if any(fnmatchcase(experiment, glob) for glob in review.breaks):
            raise RuntimeError("the reviewer broke, as the scenario asks")
        return not any(fnmatchcase(experiment, glob) for glob in review.reject)

    return look
