"""What can go wrong, one small file per family.

`Fault` is at once the registry, the decoder, the JSON Schema and what a `match` must cover.
"""

from typing import Annotated, get_args

from pydantic import Field

from simulator.faults.base import FaultBase
from simulator.faults.director import DirectorRestart
from simulator.faults.envoy import EnvoyKill, EnvoyPause, EnvoyRestart
from simulator.faults.heartbeat import HeartbeatDelay, HeartbeatDrop, HeartbeatDuplicate
from simulator.faults.identity import (
    IdentityCertificate,
    IdentityImpersonate,
    IdentityPry,
    IdentitySlander,
)
from simulator.faults.link import (
    LinkBlackhole,
    LinkBlackholeDown,
    LinkBlackholeUp,
    LinkCut,
    LinkLatency,
    LinkLoss,
    LinkStrand,
)
from simulator.faults.rpc import RpcDelay, RpcDrop, RpcDuplicate, RpcLoss
from simulator.faults.storage import StorageError, StorageFull, StorageRot
from simulator.faults.stream import StreamCorrupt
from simulator.faults.upload import UploadMisuse

Fault = Annotated[
    HeartbeatDrop
    | HeartbeatDelay
    | HeartbeatDuplicate
    | StreamCorrupt
    | LinkLatency
    | LinkLoss
    | LinkBlackhole
    | LinkBlackholeUp
    | LinkBlackholeDown
    | LinkCut
    | LinkStrand
    | RpcLoss
    | RpcDrop
    | RpcDelay
    | RpcDuplicate
    | EnvoyKill
    | EnvoyPause
    | EnvoyRestart
    | UploadMisuse
    | IdentityCertificate
    | IdentityImpersonate
    | IdentityPry
    | IdentitySlander
    | DirectorRestart
    | StorageFull
    | StorageError
    | StorageRot,
    Field(discriminator="type"),
]
"""Every fault there is, told apart by `type`."""

CATALOGUE: tuple[type[FaultBase], ...] = get_args(get_args(Fault)[0])
"""Every kind of fault, in the order in which they are documented."""

__all__ = ["CATALOGUE", "Fault", "FaultBase"]
