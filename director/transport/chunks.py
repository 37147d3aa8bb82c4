"""Chunks of archives as messages: encoded once for all who are sent the same chunk."""

from weakref import WeakValueDictionary

from protos import director_pb2


class Encoded:
    """A chunk, and the message that carries it."""

    __slots__ = ("__weakref__", "chunk", "message")

    def __init__(self, chunk: bytes) -> None:
        # Around the chunk alone: to let the library encode it copies it twice.
        begin = director_pb2.ExperimentData(size=len(chunk)).SerializeToString()
        self.chunk = chunk
        self.message = b"".join((begin, _NPBYTES, _length(len(chunk)), chunk))


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


_NPBYTES = b"\x12"
"""The byte before the chunk: field 2, with a length."""


def _length(value: int) -> bytes:
    """Return a length as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - the last byte lacks the highest bit
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
