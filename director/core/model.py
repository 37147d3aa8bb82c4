"""The values the core speaks of: callers, shards, plans, tensors, metrics.

All are frozen; none knows how it travels or where it is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType

from director.core.numeric import Floats

EnvoyName = NewType("EnvoyName", str)
ExperimentName = NewType("ExperimentName", str)

ExperimentId = NewType("ExperimentId", str)
"""Unlike a name, never used twice: a removed experiment and its namesake are two."""

BlobId = NewType("BlobId", str)
"""Names a stored archive or model."""

WaitId = NewType("WaitId", int)
"""Names one parked long poll."""

Array = Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is speaking: a certificate's common name, or what a plaintext client calls itself."""

    name: str
    is_authenticated: bool
    connection: str
    """Names the transport connection, so that a reconnect can be told from a repetition."""


# ---------------------------------------------------------------- shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One accelerator of an envoy, as it reports it; sizes in the envoy's own unit."""

    index: int = 0
    memory_total: int = 0
    memory_utilized: int = 0
    device_utilization: str = ""
    cuda_driver_version: str = ""
    cuda_version: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """An envoy's data set, as it describes it."""

    envoy: EnvoyName
    description: str = ""
    n_samples: int = 0
    sample_shape: tuple[str, ...] = ()
    target_shape: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()


# ---------------------------------------------------------------- plans


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that every collaborator does in every round."""

    name: str
    function_name: str
    task_type: str
    apply_local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskGroup:
    """Tasks for a part of the collaborators: for those named, or for a share drawn every round."""

    tasks: tuple[str, ...]
    """Names, in the order in which they are to be done."""
    collaborators: tuple[EnvoyName, ...] = ()
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Haste:
    """When a round stops waiting for collaborators that live.

    It does once `after_s` have passed since its first task was handed out, and so many have
    reported: at least `minimum` of them, and this share.
    """

    after_s: float = 0.0
    share: float = 0.0
    minimum: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an experiment asks of its collaborators and of its aggregator."""

    rounds: int
    tasks: tuple[Task, ...]
    compression: str = "none"
    """Name of the lossy pipeline that collaborators use, or "none"."""
    aggregations: Mapping[str, str] = field(default_factory=dict)
    """Aggregation by the name of the task's function; the weighted average where none is named."""
    groups: tuple[TaskGroup, ...] = ()
    """Who does which tasks; where there are none, everybody does all."""
    haste: Haste | None = None
    """The plan's own policy for stragglers; None: everybody who lives is waited for."""


# ---------------------------------------------------------------- tensors and metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer:
    """What one step of a compression pipeline needs to undo itself."""

    int_to_float: Mapping[int, float] = field(default_factory=dict)
    int_list: tuple[int, ...] = ()
    bool_list: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTensor:
    """A tensor as it travels: its bytes, and how to read them."""

    name: str
    round_number: int = 0
    lossless: bool = True
    report: bool = False
    tags: tuple[str, ...] = ()
    transformers: tuple[Transformer, ...] = ()
    content: bytes = b""


Model = Mapping[str, Array]
"""Tensors by name, in the order in which they were uploaded."""


class ModelKind(Enum):
    """Which model of an experiment is meant."""

    BEST = "best"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One measured value; the origin is a collaborator, or "aggregator" for the mean of a round."""

    origin: str
    task: str
    name: str
    value: float
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What a collaborator sends back after one task; data_size (samples) is its weight."""

    collaborator: EnvoyName
    round: int
    task: str
    data_size: int
    tensors: tuple[EncodedTensor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRequest:
    """Which tensor a collaborator asks for."""

    name: str
    round: int
    tags: tuple[str, ...] = ()
    report: bool = False
    require_lossless: bool = True


# ---------------------------------------------------------------- answers to GetTasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Tasks the collaborator has not reported yet in this round, in order."""

    round: int
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Nothing to do until the others have reported: ask again after so many seconds (>= 1)."""

    round: int
    sleep_s: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Quit:
    """The run is over, for whatever reason."""

    round: int = 0


Assignment = Work | Idle | Quit


# ---------------------------------------------------------------- failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What an envoy says of an experiment that broke on it."""

    experiment: ExperimentName
    collaborator: EnvoyName
    code: int = 0
    description: str = ""
