"""What a class given as `director_cls` must provide.

The transport speaks to this and to nothing else; `director.director.Director` is the one we ship.
Every method refuses by raising a `DirectorError` and then has changed nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from director.core.lifecycle import Status
from director.core.model import (
    Assignment,
    Caller,
    Device,
    EncodedTensor,
    EnvoyName,
    ExperimentName,
    Failure,
    Metric,
    Model,
    ModelKind,
    Shard,
    TaskResult,
    TensorRequest,
)
from director.core.queries import EnvoyView, ExperimentSummary, ExperimentView
from director.figures import DirectorFigures
from director.settings import Settings

ReviewPlan = Callable[[str, Path], bool | Awaitable[bool]]
"""`review(experiment_name, plan_path)`: whether the experiment may run; may block, or be async."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPart:
    """One message of an upload; tensors None: the same as in the part before."""

    name: str
    collaborators: tuple[str, ...]
    chunk: bytes
    tensors: tuple[EncodedTensor, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAddress:
    """How a collaborator names the run it takes part in; a run is found by its federation id."""

    sender: EnvoyName
    receiver: str
    federation: str


class DirectorInterface(Protocol):
    """A Director without its wire.

    It is constructed with the keywords `sample_shape`, `target_shape`, `envoy_health_check_period`
    and `review_plan_callback`, and whatever else the server's caller passed; no loop runs then.
    """

    async def start(self) -> None:
        """Restore what was acknowledged before; afterwards requests may come."""

    def drain(self) -> None:
        """Answer every parked long poll and end every stream; other requests come to their ends."""

    async def close(self) -> None:
        """Drain, refuse what is still under way, and stop what runs in the background."""

    def announce(self, host: str, port: int) -> None:
        """Learn where collaborators reach the server; called once it listens, before requests."""

    # ------------------------------------------------------------ for envoys

    async def report_shard(self, caller: Caller, shard: Shard) -> bool:
        """Register; False where the shapes are not the federation's.

        Raises:
            ForbiddenError: the caller's certificate names another.
            InvalidShardError: the shard has no usable name.
        """

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        """Note a sign of life; return the seconds (> 0) until the next is due.

        Raises:
            UnknownEnvoyError: it has to register again.
        """

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        """Wait for an experiment to run; None when it is time to ask again.

        Raises:
            UnknownEnvoyError: it has to register again.
            LimitExceededError: it holds too many long polls.
        """

    def download(
        self, caller: Caller, experiment: ExperimentName, collaborator: EnvoyName
    ) -> AsyncIterator[bytes]:
        """Chunks of the archive as the collaborator is to see it; none at all once it is over.

        Raises (on the first step):
            UnknownExperimentError: never handed out to this collaborator.
        """

    async def report_failure(self, caller: Caller, failure: Failure) -> None:
        """Fail an experiment; silently changes nothing where the caller may not.

        What cannot be stored now is stored later, and its sender does not learn of that.
        """

    # ------------------------------------------------------------ for frontends

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        """Accept an experiment; a refused or interrupted upload leaves nothing behind.

        Raises:
            InvalidUploadError: cut, corrupt, inconsistent, or not a runnable archive.
            InvalidNameError: the experiment or a collaborator has no usable name.
            DuplicateExperimentError: the name is in use.
            LimitExceededError: too large, or too many experiments.
        """

    def dataset(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sample and target shape of the federation."""

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        """Every registered envoy, in the order of first registration.

        What an envoy works on is told only to whom that experiment belongs.
        """

    def status(self, caller: Caller, experiment: ExperimentName) -> Status:
        """Raises UnknownExperimentError where it is not the caller's."""

    def experiments(self, caller: Caller) -> Sequence[ExperimentSummary]:
        """The caller's experiments, in the order of submission."""

    def describe(self, caller: Caller, experiment: ExperimentName) -> ExperimentView:
        """Raises UnknownExperimentError where it is not the caller's."""

    async def trained_model(
        self, caller: Caller, experiment: ExperimentName, kind: ModelKind
    ) -> Model:
        """The model, empty before the first round closed.

        Raises:
            UnknownExperimentError: it is not the caller's.
        """

    def metrics(self, caller: Caller, experiment: ExperimentName) -> AsyncIterator[Metric]:
        """Every metric from the first on; ends when the experiment has ended.

        Raises (on the first step):
            UnknownExperimentError: it is not the caller's.
        """

    async def remove(self, caller: Caller, experiment: ExperimentName) -> bool:
        """Forget an experiment; False where the caller has none of that name."""

    # ------------------------------------------------------------ for collaborators

    def tasks(self, caller: Caller, address: RunAddress) -> Assignment:
        """What to do next; `Quit` for every run that is not (or no longer) there.

        Raises:
            UnauthenticatedError: the sender is not the caller, or has no part in the run.
        """

    def aggregated_tensor(
        self, caller: Caller, address: RunAddress, request: TensorRequest
    ) -> EncodedTensor:
        """Never waits.

        Raises:
            UnauthenticatedError: no part in the run, or the run is over.
            UnavailableError: no such tensor yet.
        """

    def expects_results(self, caller: Caller, address: RunAddress) -> bool:
        """Whether what is about to be reported may be of use; asked before most of it has come.

        Raises:
            UnauthenticatedError: the sender is not the caller, or has no part in the run.
        """

    async def report_results(self, caller: Caller, address: RunAddress, result: TaskResult) -> None:
        """Take a task's result in; wrong round, unknown task or repetition changes nothing.

        Raises:
            UnauthenticatedError: the sender is not the caller, or has no part in the run.
        """


@runtime_checkable
class Limited(Protocol):
    """A Director that tells what it takes on, so that its server takes no more off the wire."""

    @property
    def settings(self) -> Settings:
        """Its settings; they never change."""


def settings_of(director: DirectorInterface) -> Settings:
    """Return a Director's settings; the usual ones of one that does not tell."""
    return director.settings if isinstance(director, Limited) else Settings()


@runtime_checkable
class Measured(Protocol):
    """A Director that counts; of one that does not, metrics tell only what its server counts."""

    def figures(self) -> DirectorFigures:
        """What there is to count at this moment; takes no longer than a look at each envoy."""


class RunPorts(Protocol):
    """Ports for collaborators beside the server's own, for plans that fix one."""

    async def open(self, port: int) -> None:
        """Let collaborators come there; it has to be closed as often as it was opened.

        Raises:
            PortUnavailableError: it cannot be listened on.
        """

    async def close(self, port: int) -> None:
        """Be there no more, unless others have opened the same port."""


@runtime_checkable
class UsesPorts(Protocol):
    """A Director that can do with more ports than its server's own."""

    def use_ports(self, ports: RunPorts) -> None:
        """Learn how to open some; called before `announce`."""
