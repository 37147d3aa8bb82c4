"""The runs of all experiments, side by side: opened, ended, and read from.

What came of a run that has ended, or is not open yet, is known from its experiment.
"""

from collections.abc import Collection
from functools import partial

from director.core.effects import StartRun
from director.core.events import RunFailed, RunFinished
from director.core.experiments import Experiment
from director.core.model import EnvoyName, ExperimentId, Model, ModelKind
from director.core.queries import resting_view
from director.core.tensors import model_from_bytes
from director.core.views import RunView
from director.errors import PortUnavailableError
from director.foreign import ForeignCodeError
from director.offload import Offload
from director.shell.blobs import Blobs
from director.shell.logbook import log, note
from director.shell.openings import Opener, OpenRun
from director.shell.patience import patiently
from director.shell.roll_calls import RollCalls
from director.shell.run import Run
from director.shell.tasks import Tasks
from director.shell.writer import Writer
from director.storage import DiskFailedError, NoRoomError

_NOT_OPENED = "the Director failed to open the experiment; its log says why"


class Runs:
    """Every run that was started and whose experiment has not been removed."""

    def __init__(
        self,
        *,
        opener: Opener,
        roll_calls: RollCalls,
        writer: Writer,
        blobs: Blobs,
        offload: Offload,
        work: Tasks,
    ) -> None:
        self._opener = opener
        self._roll_calls = roll_calls
        self._writer = writer
        self._blobs = blobs
        self._offload = offload
        self._work = work
        self._runs: dict[ExperimentId, Run] = {}
        self._by_federation: dict[str, Run] = {}
        self._openings = 0

    # ------------------------------------------------------------ what the core orders

    def start(self, order: StartRun) -> None:
        """Open a run; collaborators that are told of it meanwhile wait for its archive."""
        run = Run(order)
        self._runs[order.experiment] = run
        self._openings += 1
        self._work.spawn(self._open(run), name=f"open experiment {order.experiment}")

    async def _open(self, run: Run) -> None:
        try:
            opened = await patiently(
                partial(self._opener.open, run.order),
                what=f"experiment {run.order.name!r} as its collaborators see it",
                about=(NoRoomError, DiskFailedError),
                refused=lambda _: run.tried.set(),
            )
            self._adopt(run, opened)
        except (PortUnavailableError, ForeignCodeError) as error:
            if not run.is_ended:
                await self._fail(run, str(error))
        except Exception:  # noqa: BLE001 - one experiment must not take the others along
            if run.is_ended:
                return  # its blobs are gone, and nobody misses them
            log.exception("experiment %r could not be opened", run.order.name)
            await self._fail(run, _NOT_OPENED)

    async def _fail(self, run: Run, reason: str) -> None:
        await self._writer.insist(RunFailed(experiment=run.order.experiment, reason=reason))

    def _adopt(self, run: Run, opened: OpenRun) -> None:
        if run.is_ended:
            self._opener.close(opened)
            return
        # The id has 32 bits, of a salt of its own: two of a few dozen runs do not share one.
        assert opened.federation not in self._by_federation
        run.open = opened
        self._by_federation[opened.federation] = run
        self._settle(run)
        note("run is open as %s", opened.federation, experiment=run.order.name)
        if opened.aggregation.is_over:
            # The Director went down between the last round and the end.
            self.finish(run)
        else:
            self._roll_calls.begin(run)

    def finish(self, run: Run) -> None:
        """End an experiment whose last round has closed."""
        self._work.spawn(
            self._writer.insist(RunFinished(experiment=run.order.experiment)),
            name=f"finish experiment {run.order.experiment}",
        )

    def stop(self, experiment: ExperimentId) -> None:
        """End a run; how far it had come can be read on."""
        run = self._runs.get(experiment)
        if run is None or run.is_ended:
            return
        run.ended.set()
        run.silence()
        self._settle(run)
        opened, run.open = run.open, None
        if opened is None:
            return
        del self._by_federation[opened.federation]
        opened.aggregation.stop()
        self._opener.close(opened)
        run.view = self._view(opened)

    def _settle(self, run: Run) -> None:
        if not run.settled.is_set():
            run.settled.set()
            run.tried.set()
            self._openings -= 1

    def discard(self, experiment: ExperimentId) -> None:
        """Forget a run."""
        self._runs.pop(experiment, None)

    def let_go(self) -> None:
        """Close what open runs hold open, once: the Director is closed."""
        for run in self._by_federation.values():
            if run.open is not None and not run.open.handout.is_closed:
                run.open.handout.release()

    def rest(self) -> None:
        """Let no alarm ring any more: the Director is closing."""
        for run in self._runs.values():
            run.silence()

    # ------------------------------------------------------------ what can be read

    def of(self, experiment: ExperimentId) -> Run:
        """Return the run of an experiment that was started here, and not removed."""
        return self._runs[experiment]

    def find(self, federation: str) -> Run | None:
        """Return the open run of that federation id."""
        return self._by_federation.get(federation)

    @property
    def is_opening(self) -> bool:
        """Whether there are runs that are not open yet."""
        return self._openings > 0

    async def settle(self) -> None:
        """Wait until every run that was started is open or ended, unless the disk delays it."""
        for run in tuple(self._runs.values()):
            await run.tried.wait()

    async def opened(self, experiment: ExperimentId) -> Run:
        """Return the run of an experiment once it is open, or will not be any more."""
        run = self.of(experiment)
        await run.settled.wait()
        return run

    def view(self, experiment: Experiment, online: Collection[EnvoyName] = ()) -> RunView:
        """How far it has come; who is online matters where it is not open."""
        run = self._runs.get(experiment.id)
        if run is not None and run.open is not None:
            return self._view(run.open)
        ended = None if run is None else run.view
        return resting_view(experiment, online) if ended is None else ended

    def _view(self, opened: OpenRun) -> RunView:
        aggregation = opened.aggregation
        return RunView(
            progress=aggregation.progress,
            round=aggregation.round,
            collaborators=aggregation.collaborator_views(self._roll_calls.presence(opened)),
            has_best_model=bool(aggregation.best),
            has_last_model=bool(aggregation.last),
            lacking=self._roll_calls.lacking(opened),
        )

    async def model(self, experiment: Experiment, kind: ModelKind) -> Model:
        """Return what was trained so far, empty before the first round closed."""
        run = self._runs.get(experiment.id)
        if run is not None and run.open is not None:
            aggregation = run.open.aggregation
            return aggregation.best if kind is ModelKind.BEST else aggregation.last
        blob = experiment.checkpoint.model(kind)
        if blob is None:
            return {}
        return await self._offload(partial(model_from_bytes, await self._blobs.load(blob)))
