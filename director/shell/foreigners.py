"""Code that experiments bring: run where the operator allows it, and never without a line of log.

Where it is not allowed, nothing here can run anything.
"""

import asyncio
import logging
import os
import sys
from functools import partial

from director.core.aggregation import Aggregation
from director.core.averaging import PICKLED
from director.core.effects import StartRun
from director.core.foreign import ForeignOutcome, ForeignWork
from director.errors import UnsupportedPlanError
from director.foreign import Fence, ForeignCode, ForeignCodeError
from director.offload import Offload
from director.settings import Settings
from director.shell.logbook import log, note
from director.storage import Archives
from director.workspace import ArchiveLimits, PickledCode, Workspace, read_code

_NOT_ALLOWED = (
    "the experiment brings aggregation functions of its own, and this Director does not load them"
    " any more (load_pickled_code)"
)


def fenced(settings: Settings, offload: Offload) -> ForeignCode:
    """Return what runs foreign code as an operator wants it run."""
    wanted = settings.pickled_code
    fence = Fence(
        python=wanted.python or sys.executable,
        timeout_s=wanted.timeout_s,
        memory_bytes=wanted.memory_bytes,
    )
    return ForeignCode(fence, offload=offload)


class Foreigners:
    """What experiments bring, from the submission to the last round."""

    def __init__(self, settings: Settings, archives: Archives, offload: Offload) -> None:
        self._code = fenced(settings, offload) if settings.load_pickled_code else None
        self._archives = archives
        self._offload = offload

    @property
    def are_allowed(self) -> bool:
        """Whether experiments may bring aggregation functions."""
        return self._code is not None

    def warn(self) -> None:
        """Say what an operator has opted in to."""
        if self.are_allowed:
            log.warning(
                "DANGER: load_pickled_code is on: whoever may submit an experiment can run any code"
                " here, as user %d",
                os.geteuid(),
            )

    async def check(self, workspace: Workspace) -> None:
        """Refuse functions that could not be loaded; for that, none of them is.

        Raises:
            UnsupportedPlanError: the message says what is not there.
        """
        if not workspace.imports:
            return
        if self._code is None:
            raise UnsupportedPlanError(_NOT_ALLOWED)
        await self._code.check(workspace.imports)

    def check_run(self, order: StartRun) -> None:
        """Refuse a run that was accepted when an operator thought otherwise.

        Raises:
            ForeignCodeError: its functions may not be loaded.
        """
        if self._code is None and PICKLED in order.plan.aggregations.values():
            raise ForeignCodeError(_NOT_ALLOWED)

    async def outcome(
        self, order: StartRun, aggregation: Aggregation, *, unless: asyncio.Event
    ) -> ForeignOutcome | None:
        """Return what an experiment's own functions make of a sealed round.

        None where there is nothing for them to do, or it does not matter any more.

        Raises:
            ForeignCodeError: they failed.
        """
        work = aggregation.foreign_work()
        if work is None:
            return None
        # Only `check_run` lets a run get here that has such work.
        assert self._code is not None
        _note_load(order, work)
        code = await self._offload(partial(self._read, order))
        working = asyncio.ensure_future(self._code.aggregate(work, code))
        moot = asyncio.ensure_future(unless.wait())
        try:
            await asyncio.wait({working, moot}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            moot.cancel()
            await asyncio.wait({working, moot})
        if working.cancelled():
            return None
        try:
            return working.result()
        except ForeignCodeError as error:
            note("they printed: %s", error.printed or "nothing", experiment=order.name)
            told = f"round {work.round + 1} could not be aggregated: {error}"
            raise ForeignCodeError(told) from error

    def _read(self, order: StartRun) -> PickledCode:
        with self._archives.open(order.archive) as file:
            return read_code(file, ArchiveLimits())


def _note_load(order: StartRun, work: ForeignWork) -> None:
    note(
        "loading the aggregation functions of %s, which %r has pickled, for round %d",
        ", ".join(sorted({task.function for task in work.tasks})),
        order.owner,
        work.round + 1,
        experiment=order.name,
        level=logging.WARNING,
    )
