"""Takes uploads in: every byte is stored and the whole archive read before anything is accepted.

What can be refused by the first message is refused then.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from weakref import WeakValueDictionary

from director.core.assignments import check_groups
from director.core.averaging import aggregated_by
from director.core.events import ExperimentSubmitted
from director.core.federation import Federation
from director.core.model import BlobId, Caller, EncodedTensor, EnvoyName, ExperimentName
from director.core.tensors import model_from, model_to_bytes
from director.errors import (
    InvalidUploadError,
    LimitExceededError,
    UnavailableError,
    UnsupportedPlanError,
)
from director.interface import UploadPart
from director.offload import Offload
from director.settings import Settings
from director.shell.blobs import Blobs
from director.shell.foreigners import Foreigners
from director.shell.pace import Pace
from director.shell.places import Places
from director.shell.writer import Writer
from director.storage.ports import BlobWriter
from director.workspace import ArchiveLimits, Workspace, read_workspace

_STOPPING = "this Director is stopping: upload again later"


class Uploads:
    """Uploads under way; one that is refused or interrupted leaves nothing behind."""

    def __init__(
        self,
        *,
        federation: Federation,
        writer: Writer,
        blobs: Blobs,
        offload: Offload,
        readers: Offload,
        settings: Settings,
        foreigners: Foreigners,
        needs_review: bool,
    ) -> None:
        self._federation = federation
        self._writer = writer
        self._blobs = blobs
        self._offload = offload
        self._readers = readers
        self._settings = settings
        self._foreigners = foreigners
        self._needs_review = needs_review
        limits = settings.limits
        self._places = Places("uploads", limits.max_uploads, limits.max_uploads_per_owner)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One owner's archives are read one after the other, so that others have theirs read."""
        self._arriving: dict[_Arriving, None] = {}
        self._all_ended = asyncio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._arriving)

    async def accept(
        self, caller: Caller, upload: AsyncIterator[UploadPart]
    ) -> ExperimentSubmitted:
        """Return what was accepted.

        Raises:
            DirectorError: it is refused.
        """
        if self._is_closed:
            raise UnavailableError(_STOPPING)
        with self._arrival_of(upload) as arriving, self._blobs.lease() as blobs:
            event = await self._receive(caller, arriving, blobs)
            # From here on the experiment may come to be although the client is gone.
            let_go = partial(self._blobs.release, tuple(blobs))
            blobs.clear()
            await self._writer.commit(event, otherwise=let_go)
            return event

    async def close(self) -> None:
        """Refuse whatever has not come to its end, and return once nothing of it is left."""
        self._is_closed = True
        for arriving in self._arriving:
            arriving.give_up()
        while self._arriving:
            self._all_ended.clear()
            await self._all_ended.wait()

    @contextmanager
    def _arrival_of(self, upload: AsyncIterator[UploadPart]) -> Iterator["_Arriving"]:
        arriving = _Arriving(upload, self._settings)
        self._arriving[arriving] = None
        try:
            yield arriving
        finally:
            del self._arriving[arriving]
            if not self._arriving:
                self._all_ended.set()

    async def _receive(
        self, caller: Caller, arriving: "_Arriving", blobs: list[BlobId]
    ) -> ExperimentSubmitted:
        first = await arriving.part()
        if first is None:
            raise InvalidUploadError("the upload is empty: it has not a single message")
        name = ExperimentName(first.name)
        collaborators = tuple(map(EnvoyName, first.collaborators))
        self._federation.check_submission(name, caller.name, collaborators)
        # Only now: whoever says nothing takes nobody's place.
        with self._places.taken(caller.name):
            model = await self._store_model(first.tensors or ())
            blobs.append(model)
            archive, workspace = await self._store_archive(caller, first, arriving)
            blobs.append(archive)
            await self._foreigners.check(workspace)
        check_groups(workspace.plan, collaborators)
        # Who uploads over TLS does so because there is nothing else here, and the reverse.
        _check_tls(workspace, is_tls=caller.is_authenticated)
        return ExperimentSubmitted(
            name=name,
            owner=caller.name,
            collaborators=collaborators,
            plan=aggregated_by(self._settings.aggregation, workspace.plan),
            archive=archive,
            model=model,
            address=workspace.agg_addr,
            port=workspace.agg_port,
            needs_review=self._needs_review,
        )

    async def _store_model(self, tensors: tuple[EncodedTensor, ...]) -> BlobId:
        limit = self._settings.limits.max_model_bytes
        if _size_of(tensors) > limit:
            raise LimitExceededError(f"a model may have no more than {limit} bytes")
        # Not here, however small it is: the first tensor loads numpy, which takes a while.
        content = await self._offload(lambda: model_to_bytes(model_from(tensors)))
        return await self._blobs.store(content)

    async def _store_archive(
        self, caller: Caller, first: UploadPart, arriving: "_Arriving"
    ) -> tuple[BlobId, Workspace]:
        """Return the archive, and what is in it: it is read before it is kept."""
        limit = self._settings.limits.max_archive_bytes
        size_bytes = 0
        async with self._blobs.archives.writer() as writer:
            part: UploadPart | None = first
            while part is not None:
                _check_same(part, first)
                size_bytes += len(part.chunk)
                if size_bytes > limit:
                    raise LimitExceededError(f"an archive may have no more than {limit} bytes")
                await writer.write(part.chunk)
                del part  # two megabytes, which need not wait for the next two
                part = await arriving.part()
            async with self._turns.setdefault(caller.name, asyncio.Lock()):
                workspace = await self._readers(partial(self._read, writer))
            return await writer.commit(), workspace

    def _read(self, writer: BlobWriter) -> Workspace:
        takes_pickled = self._foreigners.are_allowed
        return read_workspace(writer.file, ArchiveLimits(), takes_pickled=takes_pickled)


class _Arriving:
    """An upload's parts, none of which is waited for longer than an upload may take."""

    def __init__(self, upload: AsyncIterator[UploadPart], settings: Settings) -> None:
        self._upload = upload
        self._idle_s = settings.upload_idle_s
        self._bytes_per_s = settings.min_upload_bytes_per_s
        self._pace = Pace(idle_s=self._idle_s, bytes_per_s=self._bytes_per_s)
        self._model_bytes = 0
        self._is_given_up = False

    def give_up(self) -> None:
        """Refuse what has not come yet."""
        self._is_given_up = True
        self._pace.end()

    async def part(self) -> UploadPart | None:
        """Return the next part; None where the upload is at its end.

        Raises:
            InvalidUploadError: it did not come in time.
            UnavailableError: the upload was given up.
        """
        if self._is_given_up:
            raise UnavailableError(_STOPPING)
        try:
            async with self._pace.waited_for():
                part = await anext(self._upload, None)
        except TimeoutError:
            if self._is_given_up:
                raise UnavailableError(_STOPPING) from None
            raise InvalidUploadError(
                f"the upload kept this Director waiting for {self._idle_s:g} s, beyond what"
                f" {self._bytes_per_s:g} bytes a second take"
            ) from None
        if part is not None:
            # Every message brings the model, and only the first one's is decoded.
            self._model_bytes = self._model_bytes or _size_of(part.tensors or ())
            self._pace.gain(self._model_bytes + len(part.chunk))
        return part


def _size_of(tensors: tuple[EncodedTensor, ...]) -> int:
    return sum(len(tensor.content) for tensor in tensors)


def _check_tls(workspace: Workspace, *, is_tls: bool) -> None:
    if workspace.tls is not None and workspace.tls != is_tls:
        here = "mutual TLS" if is_tls else "plaintext"
        raise UnsupportedPlanError(
            f"the plan's network.settings.tls is {str(workspace.tls).lower()}, but this Director"
            f" speaks {here} only"
        )


def _check_same(part: UploadPart, first: UploadPart) -> None:
    if part.name != first.name:
        raise _changed("name of the experiment")
    if part.collaborators != first.collaborators:
        raise _changed("list of collaborators")
    if part.tensors is not None and part.tensors != first.tensors:
        raise _changed("model")


def _changed(what: str) -> InvalidUploadError:
    return InvalidUploadError(f"the {what} changes from one message of the upload to the next")
