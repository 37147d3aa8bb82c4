"""Aggregation functions that experiments bring, called behind a fence."""

import asyncio
import math
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from typing import BinaryIO, TypeVar

from director.core.foreign import ForeignOutcome, ForeignWork
from director.errors import UnsupportedPlanError
from director.foreign.errors import ForeignCodeError
from director.foreign.fence import Fence
from director.foreign.parcels import (
    Limits,
    read_missing,
    read_outcome,
    write_question,
    write_work,
)
from director.offload import Offload
from director.workspace import PickledCode

_GRACE_S = 5
"""Whoever waits for a process gives up first, and knows why; this is for when nobody waits."""


_MAX_PRINTED_BYTES = 4_000

T = TypeVar("T")


class ForeignCode:
    """Knows the fence; every call is a process of its own."""

    def __init__(self, fence: Fence, *, offload: Offload) -> None:
        self._fence = fence
        self._offload = offload

    async def missing(self, imports: Sequence[str]) -> tuple[str, ...]:
        """Return those modules that the interpreter does not have; nothing is imported for it.

        Raises:
            ForeignCodeError: the interpreter cannot be asked.
        """
        async with self._folder() as folder:
            with TemporaryFile() as request:
                write_question(request, imports)
                return await self._answer(request, folder, read_missing)

    async def check(self, imports: Sequence[str]) -> None:
        """Refuse what could not be loaded.

        Raises:
            UnsupportedPlanError: the message names what is not there.
        """
        try:
            missing = await self.missing(imports)
        except ForeignCodeError as error:
            raise UnsupportedPlanError(
                f"the experiment's aggregation functions cannot be loaded: {error}"
            ) from error
        if missing:
            raise UnsupportedPlanError(
                "the experiment's aggregation functions need what this Director's interpreter for"
                f" them does not have: {', '.join(missing)}"
            )

    async def aggregate(self, work: ForeignWork, code: PickledCode) -> ForeignOutcome:
        """Load the functions, and let them do the work.

        Raises:
            ForeignCodeError: they failed.
        """
        limits = Limits(
            seconds=math.ceil(self._fence.timeout_s) + _GRACE_S,
            memory_bytes=self._fence.memory_bytes,
        )
        async with self._folder() as folder:
            with TemporaryFile() as request:
                await self._offload(partial(_lay_out, folder, code))
                await self._offload(
                    partial(write_work, request, work, table=code.table, limits=limits)
                )
                return await self._answer(request, folder, partial(read_outcome, work=work))

    async def _answer(self, request: BinaryIO, folder: Path, read: Callable[[BinaryIO], T]) -> T:
        with TemporaryFile() as answer, TemporaryFile() as printed:
            try:
                ended = await self._fence.run(
                    request, answer=answer, printed=printed, folder=folder
                )
                return await self._offload(partial(_read, answer, ended, read))
            except ForeignCodeError as error:
                raise ForeignCodeError(str(error), printed=_tail(printed)) from error

    @asynccontextmanager
    async def _folder(self) -> AsyncIterator[Path]:
        folder = Path(await self._offload(partial(mkdtemp, prefix="director-foreign-")))
        try:
            yield folder
        finally:
            # Whoever is cancelled leaves nothing behind either.
            await asyncio.shield(self._offload(partial(shutil.rmtree, folder, ignore_errors=True)))


def _read(answer: BinaryIO, ended: str, read: Callable[[BinaryIO], T]) -> T:
    if not answer.seek(0, os.SEEK_END):
        raise ForeignCodeError(ended)
    return read(answer)


def _tail(printed: BinaryIO) -> str:
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - _MAX_PRINTED_BYTES))
    return printed.read().decode(errors="replace").strip()


def _lay_out(folder: Path, code: PickledCode) -> None:
    for name, content in code.modules.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
