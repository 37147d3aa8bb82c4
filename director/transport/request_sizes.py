"""How long a request may be: as long as what its kind of client has to say, and not as a model.

gRPC knows one limit for all that a server takes, and models need all of it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from director.errors import LimitExceededError
from director.transport.parts import content_length, number
from protos import director_pb2

Request = TypeVar("Request")
Decode = Callable[[bytes], Request]

_MIB = 2**20

_USUAL = _MIB
"""A name or two; or devices, of which an envoy tells some hundred bytes each."""
_FAILURE = "/openfl.director.Director/SetExperimentFailed"
_DESCRIPTION = director_pb2.SetExperimentFailedRequest.ERROR_DESCRIPTION_FIELD_NUMBER
_MOST_FIELDS = 8
"""A report of a failure has four."""
_LONGER: Mapping[str, int] = MappingProxyType(
    {
        _FAILURE: 4 * _MIB,
        # Each message has all of the model.
        "/openfl.director.Director/SetNewExperiment": 1_024 * _MIB,
        # Of pieces, which OpenFL makes two megabytes long.
        "/openfl.aggregator.Aggregator/SendLocalTaskResults": 16 * _MIB,
    }
)


def limited(method: str, decode: Decode[Request]) -> Decode[Request]:
    """Return a decoder that does not even look at what is longer than "/service/method" may be.

    It raises LimitExceededError.  Reports of failures it cuts: an OpenFL envoy does not survive a
    refusal of its traceback, of which the end counts.
    """
    limit = _LONGER.get(method, _USUAL)

    def decode_checked(content: bytes) -> Request:
        if len(content) > limit and method == _FAILURE:
            content = _with_short_description(content, limit // 2)
        check_size(content, limit)
        return decode(content)

    return decode_checked


def _with_short_description(content: bytes, length: int) -> bytes:
    """Return the end of a report's description only, and all else of it; as it is where unusual."""
    kept: list[bytes] = []
    at = 0
    for _ in range(_MOST_FIELDS):
        begin = at
        tag, at = number(content, at)
        size, at = content_length(content, at, tag & 7)
        end = at + size
        if tag >> 3 == _DESCRIPTION and size > length:
            # A character may have been cut in the middle.
            said = content[end - length : end].decode("utf-8", "ignore")
            report = director_pb2.SetExperimentFailedRequest(error_description=said)
            kept.append(report.SerializeToString())
        else:
            kept.append(content[begin:end])
        at = end
        if at >= len(content):
            return b"".join(kept)
    return content


def check_size(content: bytes, limit: int) -> None:
    """Raises LimitExceededError for what is longer."""
    if len(content) > limit:
        raise LimitExceededError(
            f"your request has {len(content)} bytes, and {limit} are allowed for it"
        )
