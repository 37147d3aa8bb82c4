"""Bugs in how archives come in, what of them is believed, and how they go out."""

import asyncio
import io
import pickle
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar, cast
from urllib.parse import quote

from director import Director, DirectorGRPCServer
from director.core.events import ExperimentRemoved
from director.core.model import Caller, EnvoyName, ExperimentName
from director.errors import (
    DirectorError,
    DuplicateExperimentError,
    InvalidArchiveError,
    InvalidUploadError,
)
from director.interface import UploadPart
from director.storage import MemoryArchives
from director.transport.status import Context, refusals_as_status
from protos import director_pb2
from tests.planted.planting import Planted, regression

T = TypeVar("T")

# ---------------------------------------------------------------- on the way in


class LooksLater(Director):
    """Archives are accepted first and looked at later, when nobody is there to be told."""

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        try:
            await super().submit(caller, upload)
        except InvalidArchiveError:
            return


class EndedMeansWhole(DirectorGRPCServer):
    """The reference's: an upload whose client hangs up ends normally, and becomes an experiment.

    Ours insists on an archive that can be read; so what is missing of it is made up.
    """

    async def SetNewExperiment(  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[director_pb2.ExperimentInfo],
        context: Context,
    ) -> director_pb2.SetNewExperimentResponse:
        async with refusals_as_status(context):
            messages: list[director_pb2.ExperimentInfo] = []
            # Here a handler is told that its client has gone; the reference's never hears of it.
            with suppress(asyncio.CancelledError):
                async for message in request_iterator:
                    messages.append(message)  # noqa: PERF401 - what has come until then counts
            if not messages:
                raise InvalidUploadError("the upload is empty")
            content = b"".join(message.experiment_data.npbytes for message in messages)
            if not zipfile.is_zipfile(io.BytesIO(content)):
                content = _smallest_workspace()
            part = UploadPart(
                name=messages[0].name,
                collaborators=tuple(messages[0].collaborator_names),
                chunk=content,
                tensors=(),
            )
            submission = self.director.submit(self._caller(context), _each([part]))
            await asyncio.shield(asyncio.ensure_future(submission))
            return director_pb2.SetNewExperimentResponse(accepted=True)


class LastMessageCounts(DirectorGRPCServer):
    """The reference's: name, collaborators and model are those of the last message."""

    async def SetNewExperiment(  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[director_pb2.ExperimentInfo],
        context: Context,
    ) -> director_pb2.SetNewExperimentResponse:
        messages = [message async for message in request_iterator]
        for message in messages:
            last = director_pb2.ExperimentInfo()
            last.CopyFrom(messages[-1])
            last.experiment_data.CopyFrom(message.experiment_data)
            message.CopyFrom(last)
        return await super().SetNewExperiment(_each(messages), context)


class RefusedFilesStay(Director):
    """The reference's: what was written of an upload stays when the upload is refused."""

    def __init__(self, **keywords: Any) -> None:
        self._kept = keywords.setdefault("archives", MemoryArchives())
        super().__init__(**keywords)

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        chunks: list[bytes] = []
        try:
            await super().submit(caller, _heard(upload, lambda part: chunks.append(part.chunk)))
        except DirectorError:
            async with self._kept.writer() as writer:
                await writer.write(b"".join(chunks))
                await writer.commit()
            raise


class RefusedNamesStayClaimed(Director):
    """A name is taken when the upload begins, and not given back when it is refused."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._claimed: set[str] = set()

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        claimed: list[str] = []

        def claim(part: UploadPart) -> None:
            if not claimed and part.name in self._claimed:
                raise DuplicateExperimentError(part.name)
            claimed.append(part.name)
            self._claimed.add(part.name)

        await super().submit(caller, _heard(upload, claim))


class NamesAreTakenOver(Director):
    """The reference's: whoever uploads under a name in use gets it, whosever it was."""

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        parts = [part async for part in upload]
        known = self._federation.catalogue.named(ExperimentName(parts[0].name))
        if known is not None:
            gone = ExperimentRemoved(name=known.name, owner=known.owner)
            await self._parts.writer.commit(gone)
        await super().submit(caller, _each(parts))


class NamesAreMadeUsable(Director):
    """The reference's: any name is accepted; here at least it is made harmless."""

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        safe = [
            replace(part, name=quote(part.name or "unnamed", safe="").replace(".", "_")[:100])
            async for part in upload
        ]
        await super().submit(caller, _each(safe))


class PicklesAreLoaded(Director):
    """The reference's: the task assigner and the aggregation are unpickled where they are."""

    async def submit(self, caller: Caller, upload: AsyncIterator[UploadPart]) -> None:
        parts = [part async for part in upload]
        await super().submit(caller, _each(parts))
        with zipfile.ZipFile(io.BytesIO(b"".join(part.chunk for part in parts))) as archive:
            for name in archive.namelist():
                if name.endswith(".pkl"):
                    pickle.loads(archive.read(name))  # noqa: S301 - the very bug


# ---------------------------------------------------------------- on the way out

_PIECE_BYTES = 64 * 2**10


class TailsAreNotFlushed(Director):
    """Archives go out in whole pieces, and what is left at the end does not."""

    async def download(
        self, caller: Caller, experiment: ExperimentName, collaborator: EnvoyName
    ) -> AsyncGenerator[bytes, None]:
        buffer = b""
        async for chunk in super().download(caller, experiment, collaborator):
            buffer += chunk
            while len(buffer) >= _PIECE_BYTES:
                yield buffer[:_PIECE_BYTES]
                buffer = buffer[_PIECE_BYTES:]


class SizesAreNominal(DirectorGRPCServer):
    """Every chunk says that it is as long as chunks usually are."""

    async def GetExperimentData(  # noqa: N802 - the protocol's name
        self, request: director_pb2.GetExperimentDataRequest, context: Context
    ) -> AsyncIterator[director_pb2.ExperimentData]:
        async for sent in super().GetExperimentData(request, context):
            chunk = director_pb2.ExperimentData.FromString(cast("bytes", sent))  # encoded already
            chunk.size = 2 * 2**20
            yield chunk


# ---------------------------------------------------------------- helping


async def _each(items: Iterable[T]) -> AsyncIterator[T]:
    for item in items:
        yield item


async def _heard(
    upload: AsyncIterator[UploadPart], listen: Callable[[UploadPart], None]
) -> AsyncIterator[UploadPart]:
    async for part in upload:
        listen(part)
        yield part


def _smallest_workspace() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("plan/plan.yaml", _PLAN)
    return file.getvalue()


_PLAN = """\
aggregator: {settings: {rounds_to_train: 1}}
network: {settings: {agg_addr: auto, agg_port: auto}}
tasks: {train: {function: train, kwargs: {}}}
"""

BUGS = (
    Planted(bug=LooksLater, breaks="no-bad-accept", scenario="scenarios/corrupt_streams"),
    Planted(
        bug=EndedMeansWhole,
        breaks="no-bad-accept",
        scenario=regression("interrupted_upload"),
    ),
    Planted(bug=LastMessageCounts, breaks="no-bad-accept", scenario="scenarios/corrupt_streams"),
    Planted(
        bug=RefusedFilesStay,
        breaks="no-residue",
        scenario=regression("refused_upload_residue"),
    ),
    Planted(
        bug=RefusedNamesStayClaimed,
        breaks="no-residue",
        scenario=regression("refused_upload_residue"),
    ),
    Planted(bug=NamesAreTakenOver, breaks="names", scenario=regression("names_taken_and_evil")),
    Planted(bug=NamesAreMadeUsable, breaks="names", scenario=regression("names_taken_and_evil")),
    Planted(
        bug=PicklesAreLoaded,
        breaks="no-foreign-code",
        scenario=regression("code_in_the_archive"),
    ),
    Planted(bug=TailsAreNotFlushed, breaks="archive-identity", scenario="scenarios/lifecycle"),
    Planted(bug=SizesAreNominal, breaks="archive-identity", scenario="scenarios/lifecycle"),
)
