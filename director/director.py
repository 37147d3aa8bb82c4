"""The Director without its wire: it feeds the core, and does what the core says.

Each request becomes an event, or a look at the state; whatever waits, stores or streams is in
`director.shell`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing

from director.clock import Clock, SystemClock
from director.core.events import (
    ArchiveFetched,
    ExperimentRemoved,
    HeartbeatReceived,
    ShardReported,
    WaitClosed,
    WaitOpened,
)
from director.core.federation import Federation
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
from director.core.names import check_identity
from director.core.queries import (
    EnvoyView,
    ExperimentSummary,
    ExperimentView,
    envoy_views,
    experiment_summary,
    experiment_view,
    online_of,
)
from director.errors import UnknownExperimentError
from director.figures import DirectorFigures
from director.interface import ReviewPlan, RunAddress, RunPorts, UploadPart
from director.offload import Offload
from director.settings import Settings, rules_of
from director.shell.logbook import note
from director.shell.machinery import Machinery
from director.shell.writer import Observer
from director.storage import Archives, Journal, MemoryArchives, MemoryJournal

_SHORTEST_POLL_S = 1.0


class Director:
    """As `director.interface.DirectorInterface` demands.

    Without journal and archives it forgets everything with its process.
    """

    def __init__(
        self,
        sample_shape: Sequence[str] = ("1",),
        target_shape: Sequence[str] = ("1",),
        envoy_health_check_period: float = 0,
        review_plan_callback: ReviewPlan | None = None,
        *,
        settings: Settings | None = None,
        journal: Journal | None = None,
        archives: Archives | None = None,
        clock: Clock | None = None,
        offload: Offload | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._clock = clock or SystemClock()
        self._federation = Federation(
            rules_of(
                self.settings,
                sample_shape=sample_shape,
                target_shape=target_shape,
                heartbeat_period_s=envoy_health_check_period,
            )
        )
        self._envoy_views: dict[EnvoyName, EnvoyView] = {}
        self._parts = Machinery(
            self._federation,
            settings=self.settings,
            journal=MemoryJournal() if journal is None else journal,
            archives=MemoryArchives() if archives is None else archives,
            clock=self._clock,
            offload=offload,
            review=review_plan_callback,
        )

    def __repr__(self) -> str:
        return f"<Director: {self._federation!r}>"

    # ------------------------------------------------------------ beginning and end

    async def start(self) -> None:
        await self._parts.start()

    def announce(self, host: str, port: int) -> None:
        self._parts.announce(host, port)

    def use_ports(self, ports: RunPorts) -> None:
        self._parts.use_ports(ports)

    def drain(self) -> None:
        self._parts.drain()

    async def close(self) -> None:
        await self._parts.close()

    async def abandon(self) -> None:
        """Stop as a killed process does: nobody is told, and nothing more is written down.

        For simulations, which have several lives of a Director in one process.  Whoever calls this
        has cancelled all requests, and has taken the storage away from it.
        """
        await self._parts.abandon()

    def on_event(self, observer: Observer) -> Callable[[], None]:
        """Tell an observer of every event that is not refused; returns how to stop."""
        return self._parts.writer.observe(observer)

    def held(self) -> Mapping[str, int]:
        """How much is held of what should be little while nothing happens; for finding leaks."""
        return self._parts.held()

    def figures(self) -> DirectorFigures:
        """What there is to count at this moment; for `director.metrics`."""
        return self._parts.figures(self._clock.now())

    # ------------------------------------------------------------ for envoys

    async def report_shard(self, caller: Caller, shard: Shard) -> bool:
        self._federation.check_envoy_name(shard.envoy)
        check_identity(caller, shard.envoy)
        if not self._federation.registry.fits(shard):
            note("envoy %s turned away: its shapes do not fit", shard.envoy, caller=caller)
            return False
        known = self._federation.registry.find(shard.envoy) is not None
        await self._parts.writer.commit(ShardReported(shard=shard))
        note("envoy %s registered%s", shard.envoy, " again" if known else "", caller=caller)
        return True

    async def report_heartbeat(
        self,
        caller: Caller,
        envoy: EnvoyName,
        *,
        is_experiment_running: bool,
        devices: Sequence[Device],
    ) -> float:
        check_identity(caller, envoy)
        self._parts.writer.tell(
            HeartbeatReceived(
                envoy=envoy, is_experiment_running=is_experiment_running, devices=tuple(devices)
            )
        )
        return self._federation.rules.heartbeat_period_s

    async def wait_experiment(self, caller: Caller, envoy: EnvoyName) -> ExperimentName | None:
        check_identity(caller, envoy)
        with self._parts.waits.parked() as wait:
            self._parts.writer.tell(
                WaitOpened(wait=wait, envoy=envoy, connection=caller.connection)
            )
            if self._parts.is_closing:
                self._parts.waits.tell(wait, None)
            try:
                name = await self._parts.waits.answer(wait, within_s=self._poll_s)
            finally:
                self._parts.writer.tell(WaitClosed(wait=wait))
        # It may have ended while thousands of others were told of it.
        if name is None or not self._federation.is_deliverable(name, envoy):
            return None
        note("handed out to %s", envoy, caller=caller, experiment=name)
        return name

    @property
    def _poll_s(self) -> float:
        period_s = self._federation.rules.heartbeat_period_s
        return self.settings.long_poll_s or max(period_s, _SHORTEST_POLL_S)

    async def download(
        self, caller: Caller, experiment: ExperimentName, collaborator: EnvoyName
    ) -> AsyncGenerator[bytes, None]:
        check_identity(caller, collaborator)
        handed = self._federation.handed_out(experiment, collaborator)
        if handed is None:
            return
        line = self._parts.downloads
        with line.joined(collaborator):
            # What is not there yet takes no place, and what is over by then has nothing to send.
            run = await self._parts.runs.opened(handed)
            async with line.place:
                if run.open is None:
                    return
                async with aclosing(run.open.handout.chunks()) as chunks:
                    async for chunk in chunks:
                        yield chunk
        self._parts.writer.tell(
            ArchiveFetched(
                experiment=handed, collaborator=collaborator, connection=caller.connection
            )
        )
        note("downloaded by %s", collaborator, caller=caller, experiment=experiment)

    async def report_failure(self, caller: Caller, failure: Failure) -> None:
        await self._parts.failures.take(caller, failure)

    # ------------------------------------------------------------ for frontends

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        accepted = await self._parts.uploads.accept(caller, upload)
        note(
            "accepted: %d rounds, %d collaborators",
            accepted.plan.rounds,
            len(accepted.collaborators),
            caller=caller,
            experiment=accepted.name,
        )

    def dataset(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self._federation.rules.sample_shape, self._federation.rules.target_shape

    def envoys(self, caller: Caller) -> Sequence[EnvoyView]:
        return envoy_views(
            self._federation, self._clock.now(), viewer=caller.name, known=self._envoy_views
        )

    def status(self, caller: Caller, experiment: ExperimentName) -> Status:
        return self._federation.catalogue.owned(experiment, caller.name).status

    def experiments(self, caller: Caller) -> Sequence[ExperimentSummary]:
        return [
            experiment_summary(held)
            for held in self._federation.catalogue
            if held.owner == caller.name
        ]

    def describe(self, caller: Caller, experiment: ExperimentName) -> ExperimentView:
        held = self._federation.catalogue.owned(experiment, caller.name)
        online = online_of(self._federation, held, self._clock.now())
        return experiment_view(held, self._parts.runs.view(held, online))

    async def trained_model(
        self, caller: Caller, experiment: ExperimentName, kind: ModelKind
    ) -> Model:
        held = self._federation.catalogue.owned(experiment, caller.name)
        return await self._parts.runs.model(held, kind)

    async def metrics(
        self, caller: Caller, experiment: ExperimentName
    ) -> AsyncGenerator[Metric, None]:
        held = self._federation.catalogue.owned(experiment, caller.name)
        stored = held.checkpoint.stored_metrics
        if stored is not None:
            followed = self._parts.accounts.follow(held.id, stored)
        else:
            if held.status.is_terminal:
                self._parts.feeds.of(held.id).end()
            followed = self._parts.feeds.follow(held.id)
        async with aclosing(followed) as metrics:
            async for metric in metrics:
                yield metric

    async def remove(self, caller: Caller, experiment: ExperimentName) -> bool:
        try:
            await self._parts.writer.commit(ExperimentRemoved(name=experiment, owner=caller.name))
        except UnknownExperimentError:
            return False
        note("removed", caller=caller, experiment=experiment)
        return True

    # ------------------------------------------------------------ for collaborators

    def tasks(self, caller: Caller, address: RunAddress) -> Assignment:
        return self._parts.collaborations.tasks(caller, address)

    def aggregated_tensor(
        self, caller: Caller, address: RunAddress, request: TensorRequest
    ) -> EncodedTensor:
        return self._parts.collaborations.tensor(caller, address, request)

    def expects_results(self, caller: Caller, address: RunAddress) -> bool:
        return self._parts.collaborations.expects(caller, address)

    async def report_results(self, caller: Caller, address: RunAddress, result: TaskResult) -> None:
        await self._parts.collaborations.take_result(caller, address, result)
