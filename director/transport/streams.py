"""What arrives in pieces, read with distrust."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from director.errors import InvalidUploadError
from director.interface import UploadPart
from director.shell.logbook import mark
from director.transport.status import Context
from director.transport.upload_messages import UploadReader
from protos import director_pb2

Item = TypeVar("Item")


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


async def upload_parts(
    messages: AsyncIterator[director_pb2.ExperimentInfo | bytes], context: Context
) -> AsyncIterator[UploadPart]:
    """Yield what the messages carry, as long as they agree with each other.

    Raises:
        DecodeError: one is no message.
        InvalidUploadError: none came, one lies about its size, or they contradict each other.
        LimitExceededError: one would become much more than it is.
    """
    reader: UploadReader | None = None
    async for message in messages:
        raw = message if isinstance(message, bytes) else message.SerializeToString()
        tensors = None
        if reader is None:
            reader = await UploadReader.begin(raw)
            mark(experiment=reader.name)
            tensors = reader.tensors
        yield UploadPart(
            name=reader.name,
            collaborators=reader.collaborators,
            chunk=await reader.chunk_of(raw),
            tensors=tensors,
        )
        del message, raw  # two megabytes each, which need not wait for the next message
    if reader is None:
        raise InvalidUploadError("the upload is empty: it has not a single message")
    await confirm_client(context)
