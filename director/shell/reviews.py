"""Lets somebody look at a plan before its experiment runs; however long that takes.

One plan at a time, as there may be one person at one terminal.  Whoever fails to answer has
not approved.
"""

import asyncio
import inspect
import shutil
import tempfile
from collections.abc import Awaitable
from functools import partial
from pathlib import Path

from director.core.effects import Review
from director.core.events import ExperimentReviewed
from director.core.model import BlobId
from director.interface import ReviewPlan
from director.offload import Offload
from director.shell.logbook import log, note
from director.shell.writer import Writer
from director.storage import Archives
from director.workspace import ArchiveLimits, read_workspace

_NOT_APPROVED = "the reviewer did not approve the plan"
_NOT_REVIEWED = "the review of the plan failed"


class Reviews:
    """Asks the reviewer, and tells the federation what it said."""

    def __init__(
        self,
        callback: ReviewPlan | None,
        *,
        writer: Writer,
        archives: Archives,
        offload: Offload,
        patient_offload: Offload,
    ) -> None:
        self._callback = callback
        self._writer = writer
        self._archives = archives
        self._offload = offload
        self._patient_offload = patient_offload
        self._turn = asyncio.Lock()

    async def review(self, order: Review) -> None:
        """Have an experiment's plan looked at."""
        async with self._turn:
            note("plan is being reviewed", experiment=order.name)
            try:
                is_approved = await self._judge(order)
                reason = "" if is_approved else _NOT_APPROVED
            except Exception:  # noqa: BLE001 - the reviewer's code may raise anything
                log.exception("the review of experiment %r failed", order.name)
                is_approved, reason = False, _NOT_REVIEWED
            # Nobody is asked twice, so a disk that refuses is asked again.
            await self._writer.insist(
                ExperimentReviewed(
                    experiment=order.experiment, is_approved=is_approved, reason=reason
                )
            )

    async def _judge(self, order: Review) -> bool:
        if self._callback is None:
            return True  # it was submitted when there was still a reviewer
        text = await self._offload(partial(self._plan_text, order.archive))
        # Kept short on purpose: a plan may well lie there for hours.
        directory = Path(tempfile.mkdtemp(prefix="director-review-"))
        try:
            plan = directory / "plan.yaml"
            plan.write_text(text, encoding="utf-8")
            return await self._ask(self._callback, order, plan)
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    async def _ask(self, callback: ReviewPlan, order: Review, plan: Path) -> bool:
        if inspect.iscoroutinefunction(callback):
            return bool(await callback(order.name, plan))
        answer = await self._patient_offload(partial(_called, callback, order.name, plan))
        return bool(await answer if isinstance(answer, Awaitable) else answer)

    def _plan_text(self, archive: BlobId) -> str:
        with self._archives.open(archive) as file:
            # What it brings was taken when it was submitted, and is not looked at here.
            return read_workspace(file, ArchiveLimits(), takes_pickled=True).plan_text


def _called(callback: ReviewPlan, name: str, plan: Path) -> bool | Awaitable[bool]:
    try:
        return callback(name, plan)
    except (SystemExit, StopIteration) as error:
        # The one would end the server, the other cannot travel through a future.
        raise RuntimeError("the reviewer gave up") from error
