"""How much a message would become, counted before it is decoded.

Two bytes on the wire can be an object of a hundred in memory, and a request of a megabyte half a
million of them.  So what may be large is counted first, with turns for everybody else in between.
"""

import asyncio
from functools import lru_cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from director.errors import LimitExceededError

MAX_PARTS = 2**18
"""A model of 20,000 tensors has as many, and so have 300 tensors with codebooks of 256 values."""

_PARTS_A_TURN = 4_096
"""As many take about two milliseconds, in which nobody else is answered."""

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_WIDTHS = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}

_UNPACKED = frozenset(
    {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE}
)


class _Kind(NamedTuple):
    """Those fields of a message that have parts, by their numbers."""

    messages: dict[int, Descriptor]
    packed: frozenset[int]


async def check_parts(raw: bytes, message: Descriptor, *, limit: int = MAX_PARTS) -> None:
    """Return only if decoding gives no more than so many fields and elements.

    What cannot be decoded is not judged: that is for the decoder to say.

    Raises:
        LimitExceededError: it gives more.
    """
    if len(raw) <= limit:
        return  # no part takes less than a byte
    count, turn_ends = 0, _PARTS_A_TURN
    pending = [(message, 0, len(raw))]
    while pending:
        within, at, end = pending.pop()
        kind = _kind(within)
        while at < end:
            tag, at = number(raw, at)
            length, at = content_length(raw, at, tag & 7)
            if tag & 7 == _LENGTH:
                inner = kind.messages.get(tag >> 3)
                if inner is not None and length:
                    pending.append((inner, at, min(at + length, end)))
                elif tag >> 3 in kind.packed:
                    count += length  # an element takes at least a byte
            at += length
            count += 1
            if count > limit:
                raise LimitExceededError(f"a message may have at most {limit} parts")
            if count >= turn_ends:
                turn_ends = count + _PARTS_A_TURN
                await asyncio.sleep(0)


def number(raw: bytes | bytearray, at: int, *, bits: int = 32) -> tuple[int, int]:
    """Return a number, and where it ends; past the end of the message where there is none.

    Tags and lengths have no more than 32 bits.
    """
    value = 0
    for shift in range(0, bits + 6, 7):
        if at >= len(raw):
            break
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte lacks the highest bit
            return value, at
    return value, len(raw) + 1


def content_length(raw: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Return how long a field's content is, and where that begins."""
    if wire_type == _LENGTH:
        return number(raw, at)
    if wire_type == _VARINT:
        return 0, number(raw, at, bits=64)[1]
    # The fields of a group, which only others' messages have, are counted like any.
    return _WIDTHS.get(wire_type, 0), at


@lru_cache(maxsize=64)
def _kind(message: Descriptor) -> _Kind:
    fields = message.fields
    return _Kind(
        messages={
            field.number: field.message_type for field in fields if field.message_type is not None
        },
        packed=frozenset(field.number for field in fields if field.type not in _UNPACKED),
    )
