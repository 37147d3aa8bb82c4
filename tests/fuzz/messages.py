"""Messages that nobody would send: of the right shape with odd values, and bent afterwards."""

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

Words = Sequence[str]
Draw = Callable[[st.SearchStrategy[Any]], Any]

_INTEGERS = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}
_LONGEST = 3
"""Repeated fields have up to so many items: two to contradict each other, and one to spare."""


def messages(kind: type[Message], words: Words, blobs: Sequence[bytes]) -> st.SearchStrategy[Any]:
    """Messages of a kind; texts are often one of the words, and bytes often one of the blobs."""
    return _of(kind.DESCRIPTOR, words, blobs)


@st.composite
def _of(draw: Draw, shape: Any, words: Words, blobs: Sequence[bytes]) -> Message:
    message = GetMessageClass(shape)()
    for field in shape.fields:
        if draw(st.integers(0, 3)):  # most fields are there
            _fill(draw, message, field, words, blobs)
    # Otherwise every chunk would lie about its size, and nothing come past it.
    if {field.name for field in shape.fields} == {"size", "npbytes"} and draw(st.integers(0, 3)):
        carrier: Any = message
        carrier.size = len(carrier.npbytes)
    return message


@st.composite
def varied(draw: Draw, good: Message, words: Words, blobs: Sequence[bytes]) -> Message:
    """A good message, of which a few fields are gone or say something else."""
    message = type(good)()
    message.CopyFrom(good)
    _vary(draw, message, words, blobs)
    return message


def _vary(draw: Draw, message: Message, words: Words, blobs: Sequence[bytes]) -> None:
    for field in message.DESCRIPTOR.fields:
        match draw(st.integers(0, 15)):
            case 14:
                message.ClearField(field.name)
            case 15:
                message.ClearField(field.name)
                _fill(draw, message, field, words, blobs)
            case _:
                held: Any = getattr(message, field.name)
                if isinstance(held, Message):
                    _vary(draw, held, words, blobs)
                elif field.message_type is not None and hasattr(held, "extend"):
                    for item in held:
                        _vary(draw, item, words, blobs)


def _fill(draw: Draw, message: Message, field: Any, words: Words, blobs: Sequence[bytes]) -> None:
    held: Any = getattr(message, field.name)
    # Older versions of protobuf have another name for this.
    is_repeated = hasattr(held, "extend")
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        held.update(draw(st.dictionaries(st.integers(-3, 300), _FLOATS, max_size=_LONGEST)))
    elif field.message_type is not None:
        inner = _of(field.message_type, words, blobs)
        if is_repeated:
            held.extend(draw(st.lists(inner, max_size=_LONGEST)))
        else:
            held.CopyFrom(draw(inner))
    elif is_repeated:
        held.extend(draw(st.lists(_values(field, words, blobs), max_size=_LONGEST)))
    else:
        setattr(message, field.name, draw(_values(field, words, blobs)))


def _values(field: Any, words: Words, blobs: Sequence[bytes]) -> st.SearchStrategy[Any]:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return st.sampled_from(words) | st.text(max_size=8)
        case FieldDescriptor.TYPE_BYTES:
            return st.sampled_from(blobs) | st.binary(max_size=16)
        case FieldDescriptor.TYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.TYPE_FLOAT:
            return _FLOATS
        case FieldDescriptor.TYPE_ENUM:
            return st.integers(-1, 3)
        case kind:
            return _integers(kind)


_FLOATS = st.floats(width=32)


def _integers(kind: int) -> st.SearchStrategy[int]:
    # Timestamps and durations, which only answers hold, have the remaining kind.
    lowest, highest = _INTEGERS.get(kind, (-(2**63), 2**63 - 1))
    return st.integers(max(lowest, -1), 3) | st.integers(lowest, highest)


# ---------------------------------------------------------------- bending


@st.composite
def bent(draw: Draw, whole: st.SearchStrategy[bytes]) -> bytes:
    """Bytes that were whole, with a few of them changed, lost, repeated or put in."""
    content = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(1, 8)))
        match draw(st.sampled_from(["change", "lose", "repeat", "put in", "cut"])):
            case "change":
                content[at:end] = draw(st.binary(min_size=end - at, max_size=end - at))
            case "lose":
                del content[at:end]
            case "repeat":
                content[at:at] = content[at:end]
            case "put in":
                content[at:at] = draw(st.binary(min_size=1, max_size=8))
            case _:
                del content[at:]
    return bytes(content)


def requests(good: Message, words: Words, blobs: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """What may stand where one request like the good one should; most are nearly good."""
    near = varied(good, words, blobs).map(_serialized)
    far = messages(type(good), words, blobs).map(_serialized)
    return near | near | near | bent(near) | far | bent(far) | st.binary(max_size=64)


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
