"""Undoing OpenFL's lossy pipelines KC, SKC and STC: gzipped indexes into a table of few values.

They differ in how they choose the values, which is the sender's business.  What travels is the
same for all: one float32 for each element that holds a whole number, and what the numbers mean.
"""

import zlib
from collections.abc import Mapping

from director.core.model import Array
from director.core.numeric import FLOAT, FLOAT_BYTES, np
from director.errors import InvalidUploadError

MAX_VALUES = 2**16
"""Of a codebook: with more of them it would save nothing."""
_MAX_ELEMENTS = 2**28
"""As many as fit into the largest message uncompressed: gzip is no way around that limit."""
_BLOCK = 2**20
"""Elements that are looked up at a time: what is needed meanwhile takes five times their room."""
_GZIP = 16 + zlib.MAX_WBITS


def look_up(name: str, size: int, codebook: Mapping[int, float], content: bytes) -> Array:
    """Return that many values in one row.

    Raises:
        InvalidUploadError: the content does not hold so many indexes, or one has no meaning.
    """
    if size > _MAX_ELEMENTS:
        raise InvalidUploadError(f"tensor {name!r} has more than {_MAX_ELEMENTS} elements")
    if len(codebook) > MAX_VALUES:
        raise InvalidUploadError(f"tensor {name!r} has a codebook of more than {MAX_VALUES} values")
    indexes = np.frombuffer(_inflated(name, size * FLOAT_BYTES, content), FLOAT)
    keys = np.array(sorted(codebook), np.float64)
    values = np.array([codebook[key] for key in sorted(codebook)], np.float64)
    found = np.empty(size, np.float32)
    for start in range(0, size, _BLOCK):
        block = slice(start, start + _BLOCK)
        places = np.minimum(np.searchsorted(keys, indexes[block]), len(keys) - 1)
        if not np.array_equal(keys[places], indexes[block]):
            raise InvalidUploadError(
                f"tensor {name!r} has indexes that its codebook does not explain"
            )
        with np.errstate(over="ignore"):
            found[block] = values[places]
    return found


def _inflated(name: str, length: int, content: bytes) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    try:
        # One byte more than is wanted, so that a longer stream shows; a bomb gets no further.
        inflated = inflater.decompress(content, length + 1)
    except zlib.error as error:
        raise InvalidUploadError(f"tensor {name!r} is not compressed as it claims") from error
    if len(inflated) != length or not inflater.eof or inflater.unused_data:
        raise InvalidUploadError(f"tensor {name!r} does not hold as many values as its shape")
    return inflated
