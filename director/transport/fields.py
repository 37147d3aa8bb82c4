"""What stands before a field's content on the wire, for content that is not worth another copy."""


def opening(field: int, length: int) -> bytes:
    """Return the beginning of a field of bytes, or of a message, that is so long."""
    return _number(field << 3 | 2) + _number(length)


def _number(value: int) -> bytes:
    # Seven bits a byte, the lowest first; all but the last have the highest bit set.
    written = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - what does not fit into seven bits
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
