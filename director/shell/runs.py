"""The runs of all experiments, side by side: opened, ended, and read from.

What a run has trained and how far it came are kept until its experiment is removed.
"""

from director.core.effects import StartRun
from director.core.events import RunFailed
from director.core.model import ExperimentId, Model, ModelKind
from director.core.views import RunView
from director.errors import PortUnavailableError
from director.offload import Offload
from director.shell.blobs import Blobs
from director.shell.handouts import Handout
from director.shell.logbook import log, note
from director.shell.openings import Opener, OpenRun
from director.shell.roll_calls import RollCalls
from director.shell.run import Run
from director.shell.tasks import Tasks
from director.shell.trained import TrainedModels
from director.shell.writer import Writer

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
        chores: Tasks,
    ) -> None:
        self._opener = opener
        self._roll_calls = roll_calls
        self._writer = writer
        self._blobs = blobs
        self._offload = offload
        self._work = work
        self._chores = chores
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
            self._adopt(run, await self._opener.open(run.order))
        except PortUnavailableError as error:
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
        self._roll_calls.begin(run)

    def stop(self, experiment: ExperimentId) -> None:
        """End a run; keep what came of it."""
        run = self._runs.get(experiment)
        if run is None or run.is_ended:
            return
        run.is_ended = True
        run.silence()
        self._settle(run)
        opened, run.open = run.open, None
        if opened is None:
            return
        del self._by_federation[opened.federation]
        opened.aggregation.stop()
        self._opener.close(opened)
        run.view = self._view(opened)
        models = {kind: _model(opened, kind) for kind in ModelKind}
        run.trained = TrainedModels(models, blobs=self._blobs, offload=self._offload)
        self._chores.spawn(run.trained.store(), name=f"store models of {experiment}")

    def _settle(self, run: Run) -> None:
        if not run.settled.is_set():
            run.settled.set()
            self._openings -= 1

    def discard(self, experiment: ExperimentId) -> None:
        """Forget what came of a run."""
        run = self._runs.pop(experiment, None)
        if run is not None and run.trained is not None:
            run.trained.discard()

    def rest(self) -> None:
        """Let no alarm ring any more: the Director is closing."""
        for run in self._runs.values():
            run.silence()

    # ------------------------------------------------------------ what can be read

    def find(self, federation: str) -> Run | None:
        """Return the open run of that federation id."""
        return self._by_federation.get(federation)

    @property
    def is_opening(self) -> bool:
        """Whether there are runs that are not open yet."""
        return self._openings > 0

    async def settle(self) -> None:
        """Wait until every run that was started is open, or ended."""
        for run in tuple(self._runs.values()):
            await run.settled.wait()

    async def handout(self, experiment: ExperimentId) -> Handout | None:
        """Return the archive for collaborators once it is there; None where the run is over."""
        run = self._runs[experiment]
        await run.settled.wait()
        return None if run.open is None else run.open.handout

    def view(self, experiment: ExperimentId) -> RunView:
        """How far it has come."""
        run = self._runs.get(experiment)
        if run is None:
            return RunView()
        return run.view if run.open is None else self._view(run.open)

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

    async def model(self, experiment: ExperimentId, kind: ModelKind) -> Model:
        """Return what was trained so far, empty before the first round closed."""
        run = self._runs.get(experiment)
        if run is None:
            return {}
        if run.open is not None:
            return _model(run.open, kind)
        return {} if run.trained is None else await run.trained.get(kind)


def _model(opened: OpenRun, kind: ModelKind) -> Model:
    return opened.aggregation.best if kind is ModelKind.BEST else opened.aggregation.last
