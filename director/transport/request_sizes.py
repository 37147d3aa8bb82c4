"""How long a request may be: as long as what its kind of client has to say, and not as a model.

gRPC knows one limit for all that a server takes, and models need all of it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from director.errors import LimitExceededError

Request = TypeVar("Request")
Decode = Callable[[bytes], Request]

_MIB = 2**20

_USUAL = _MIB
"""A name or two; or devices, of which an envoy tells some hundred bytes each."""
_LONGER: Mapping[str, int] = MappingProxyType(
    {
        # A traceback, of which the end counts: an OpenFL envoy does not survive a refusal of it.
        "/openfl.director.Director/SetExperimentFailed": 4 * _MIB,
        # Each message has all of the model.
        "/openfl.director.Director/SetNewExperiment": 1_024 * _MIB,
        # Of pieces, which OpenFL makes two megabytes long.
        "/openfl.aggregator.Aggregator/SendLocalTaskResults": 16 * _MIB,
    }
)


def max_bytes_of(method: str) -> int:
    """Return how many bytes one message of a request may have, given "/service/method"."""
    return _LONGER.get(method, _USUAL)


def check_size(content: bytes, limit: int) -> None:
    """Raises LimitExceededError for what is longer."""
    if len(content) > limit:
        raise LimitExceededError(
            f"your request has {len(content)} bytes, and {limit} are allowed for it"
        )


def up_to(limit: int, decode: Decode[Request]) -> Decode[Request]:
    """Return a decoder that does not even look at what is longer; it raises LimitExceededError."""

    def decode_checked(content: bytes) -> Request:
        check_size(content, limit)
        return decode(content)

    return decode_checked
