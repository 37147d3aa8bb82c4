"""The messages of an upload, taken apart without decoding what each of them repeats.

A message carries two megabytes of archive, and says again what the first one said: a name,
collaborators, and a model of any size.  Decoding it copies the archive twice and the model once;
here the repetition is compared as it stands, and the archive is cut out.
Whatever does not look as usual is decoded in full, so that no message is read in another way than
the protocol reads it.
"""

from typing import NamedTuple, Self

from director.core.model import EncodedTensor
from director.errors import InvalidUploadError
from director.transport.parts import check_parts, number
from director.transport.tensors import tensors_from
from protos import base_pb2, director_pb2

# One byte tells the number of a field and that its length follows.
_NAME, _COLLABORATOR, _DATA, _MODEL = 0x0A, 0x12, 0x1A, 0x22
_REPEATED = (_NAME, _COLLABORATOR, _MODEL)
_SIZE, _BYTES = 0x08, 0x12
"""Of the data: a number, and bytes with their length."""


_MOST_FIELDS = 2**16
"""Of a message that is worth cutting apart."""


class _Place(NamedTuple):
    """Where the field with the archive's data lies in a message."""

    start: int
    end: int


class UploadReader:
    """Reads one upload, message by message; the first says what all others have to repeat."""

    @classmethod
    async def begin(cls, first: bytes) -> Self:
        """Read the first message.

        Raises:
            DecodeError: it is no message.
            LimitExceededError: it has too many parts.
        """
        await check_parts(first, director_pb2.ExperimentInfo.DESCRIPTOR)
        return cls(first)

    def __init__(self, first: bytes) -> None:
        place = _place_of(first)
        self._is_usual = place is not None
        start, end = place or (len(first), len(first))
        self._before, self._after = first[:start], first[end:]
        claims = director_pb2.ExperimentInfo.FromString(self._before + self._after)
        self.name = claims.name
        self.collaborators = tuple(claims.collaborator_names)
        # A copy: the message itself may hold a chunk of the archive.
        self._model = base_pb2.ModelProto()
        self._model.CopyFrom(claims.model_proto)

    @property
    def tensors(self) -> tuple[EncodedTensor, ...]:
        """The model."""
        return tensors_from(self._model.tensors)

    async def chunk_of(self, raw: bytes) -> bytes:
        """Return what a message carries of the archive, also the first.

        Raises:
            DecodeError: it is no message.
            InvalidUploadError: it lies about its size, or contradicts the first.
            LimitExceededError: it has too many parts.
        """
        chunk = self._repeating(raw)
        if chunk is None:
            await check_parts(raw, director_pb2.ExperimentInfo.DESCRIPTOR)
            message = director_pb2.ExperimentInfo.FromString(raw)
            self._compare(message)
            chunk = data_of(message.experiment_data)
        return chunk

    def _repeating(self, raw: bytes) -> bytes | None:
        """Return the chunk of a message that repeats the first one byte by byte; else None."""
        start, end = len(self._before), len(raw) - len(self._after)
        if not (
            self._is_usual
            and raw.startswith(self._before)
            and raw.endswith(self._after)
            and start < end
        ):
            return None
        if raw[start] != _DATA:
            return None
        length, content = number(raw, start + 1)
        return _chunk(raw, content, end) if content + length == end else None

    def _compare(self, message: director_pb2.ExperimentInfo) -> None:
        if message.name != self.name:
            raise _changed("name of the experiment")
        if tuple(message.collaborator_names) != self.collaborators:
            raise _changed("list of collaborators")
        if not _is_same(message.model_proto, self._model):
            raise _changed("model")


def data_of(message: director_pb2.ExperimentData | base_pb2.DataStream) -> bytes:
    """Return what a message carries.

    Raises:
        InvalidUploadError: it lies about its size.
    """
    # Every access to the field copies it: once is enough.
    return _checked(message.size, message.npbytes)


def _checked(size: int, chunk: bytes) -> bytes:
    if len(chunk) != size:
        raise InvalidUploadError(
            f"a message says that it carries {size} bytes, but it carries {len(chunk)}"
        )
    return chunk


def _place_of(raw: bytes) -> _Place | None:
    """Return where the data lies; None unless the message has it once, and known fields beside."""
    place = None
    at = 0
    for _ in range(_MOST_FIELDS):
        if at >= len(raw):
            break
        start, tag = at, raw[at]
        length, content = number(raw, at + 1)
        at = content + length
        if tag == _DATA and place is None:
            place = _Place(start, at)
        elif tag not in _REPEATED:
            return None
    return place if at == len(raw) else None


def _chunk(raw: bytes, at: int, end: int) -> bytes | None:
    """Return the bytes in the data; None unless they follow a size, and nothing follows them."""
    if at >= end or raw[at] != _SIZE:
        return None
    size, at = number(raw, at + 1)
    if at >= end or raw[at] != _BYTES:
        return None
    length, at = number(raw, at + 1)
    return _checked(size, raw[at:end]) if at + length == end else None


def _is_same(one: base_pb2.ModelProto, other: base_pb2.ModelProto) -> bool:
    # Comparing in place is quick; but a NaN differs from itself, and its bytes do not.
    return one == other or one.SerializeToString(deterministic=True) == other.SerializeToString(
        deterministic=True
    )


def _changed(what: str) -> InvalidUploadError:
    return InvalidUploadError(f"the {what} changes from one message of the upload to the next")
