"""Chunks of archives as messages: encoded once for all who are sent the same chunk."""

from weakref import WeakValueDictionary

from director.transport.fields import opening
from protos import director_pb2

_NPBYTES = director_pb2.ExperimentData.NPBYTES_FIELD_NUMBER


class Encoded:
    """A chunk, and the message that carries it."""

    __slots__ = ("__weakref__", "chunk", "message")

    def __init__(self, chunk: bytes) -> None:
        # Around the chunk alone: to let the library encode it copies it twice.
        begin = director_pb2.ExperimentData(size=len(chunk)).SerializeToString()
        self.chunk = chunk
        self.message = b"".join((begin, opening(_NPBYTES, len(chunk)), chunk))


class Encoder:
    """Keeps no more than is being sent at the moment."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[int, Encoded] = WeakValueDictionary()

    def encoded(self, chunk: bytes) -> Encoded:
        """Return a chunk's message; whoever sends it holds what is returned until it is sent."""
        # By identity, which is one as long as the chunk is held, and quicker than its content.
        known = self._known.get(id(chunk))
        if known is None:
            known = self._known[id(chunk)] = Encoded(chunk)
        return known
