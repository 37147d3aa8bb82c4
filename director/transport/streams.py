"""What arrives in pieces: archives and task results, put together with distrust."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from director.core.model import EncodedTensor
from director.errors import InvalidUploadError, LimitExceededError
from director.interface import UploadPart
from director.shell.logbook import mark
from director.transport.status import Context
from director.transport.tensors import tensors_from
from protos import base_pb2, director_pb2

Item = TypeVar("Item")

MAX_RESULT_BYTES = 2**30
"""The longest serialised TaskResults: as long as a single message may be."""


@asynccontextmanager
async def closing(iterator: AsyncIterator[Item]) -> AsyncIterator[AsyncIterator[Item]]:
    """Close a generator with the block, not whenever it is collected."""
    try:
        yield iterator
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


async def confirm_client(context: Context) -> None:
    """Return only if the client is still there.

    When a client is gone, gRPC ends its request stream as if it had been sent to the end.  Sending
    something in return tells the two apart: only then does the call turn out to be cancelled.
    """
    await context.send_initial_metadata(())


# ---------------------------------------------------------------- archives


async def upload_parts(
    messages: AsyncIterator[director_pb2.ExperimentInfo], context: Context
) -> AsyncIterator[UploadPart]:
    """Yield what the messages carry, as long as they agree with each other.

    Raises:
        InvalidUploadError: none came, one lies about its size, or they contradict each other.
    """
    first: _Claims | None = None
    async for message in messages:
        chunk = _chunk(message.experiment_data)
        tensors = None
        if first is None:
            mark(experiment=message.name)
            first = _Claims(message)
            tensors = first.tensors
        else:
            first.compare(message)
        yield UploadPart(
            name=first.name, collaborators=first.collaborators, chunk=chunk, tensors=tensors
        )
    if first is None:
        raise InvalidUploadError("the upload is empty: it has not a single message")
    await confirm_client(context)


class _Claims:
    """What the first message of an upload says, and all others have to repeat."""

    def __init__(self, message: director_pb2.ExperimentInfo) -> None:
        self.name = message.name
        self.collaborators = tuple(message.collaborator_names)
        # A copy: the message itself would keep its chunk of the archive in memory.
        self._model = base_pb2.ModelProto()
        self._model.CopyFrom(message.model_proto)

    @property
    def tensors(self) -> tuple[EncodedTensor, ...]:
        return tensors_from(self._model.tensors)

    def compare(self, message: director_pb2.ExperimentInfo) -> None:
        if message.name != self.name:
            raise _changed("name of the experiment")
        if tuple(message.collaborator_names) != self.collaborators:
            raise _changed("list of collaborators")
        if not _is_same(message.model_proto, self._model):
            raise _changed("model")


def _is_same(one: base_pb2.ModelProto, other: base_pb2.ModelProto) -> bool:
    # Comparing in place is quick; but a NaN differs from itself, and its bytes do not.
    return one == other or one.SerializeToString(deterministic=True) == other.SerializeToString(
        deterministic=True
    )


def _changed(what: str) -> InvalidUploadError:
    return InvalidUploadError(f"the {what} changes from one message of the upload to the next")


# ---------------------------------------------------------------- task results


async def joined(
    pieces: AsyncIterator[base_pb2.DataStream], context: Context, *, limit: int = MAX_RESULT_BYTES
) -> bytes:
    """Return a message that was sent in pieces.

    Raises:
        InvalidUploadError: a piece lies about its size.
        LimitExceededError: there are more than `limit` bytes.
    """
    chunks: list[bytes] = []
    total = 0
    async for piece in pieces:
        chunk = _chunk(piece)
        total += len(chunk)
        if total > limit:
            raise LimitExceededError(f"a task's results may have at most {limit} bytes")
        chunks.append(chunk)
    await confirm_client(context)
    return b"".join(chunks)


def _chunk(message: director_pb2.ExperimentData | base_pb2.DataStream) -> bytes:
    # Every access to the field copies it: once is enough.
    chunk = message.npbytes
    if len(chunk) != message.size:
        raise InvalidUploadError(
            f"a message says that it carries {message.size} bytes, but it carries {len(chunk)}"
        )
    return chunk
