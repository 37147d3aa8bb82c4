"""Refusals as status codes: the only place that knows which becomes which.

What is not a refusal is a bug of ours: it is logged in full, and its caller learns nothing of it.
"""

import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType, TracebackType
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from director.errors import (
    DirectorError,
    DuplicateExperimentError,
    ForbiddenError,
    InvalidRequestError,
    InvalidUploadError,
    LimitExceededError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]
Codes = Mapping[type[Exception], grpc.StatusCode]
"""The code of each kind of exception; the nearest base class that is listed counts."""

CODES: Codes = MappingProxyType(
    {
        InvalidRequestError: grpc.StatusCode.INVALID_ARGUMENT,
        DecodeError: grpc.StatusCode.INVALID_ARGUMENT,
        NotFoundError: grpc.StatusCode.NOT_FOUND,
        DuplicateExperimentError: grpc.StatusCode.ALREADY_EXISTS,
        ForbiddenError: grpc.StatusCode.PERMISSION_DENIED,
        UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
        LimitExceededError: grpc.StatusCode.RESOURCE_EXHAUSTED,
        UnavailableError: grpc.StatusCode.UNAVAILABLE,
        Exception: grpc.StatusCode.INTERNAL,
    }
)

# An OpenFL collaborator waits and tries again on UNAVAILABLE, gives up on UNAUTHENTICATED, and on
# any other code calls again at once, for ever.  So what may have been spoilt on its way, and what
# is our fault, is tried again; what can never succeed ends the collaborator's run.
COLLABORATOR_CODES: Codes = MappingProxyType(
    {
        DecodeError: grpc.StatusCode.UNAVAILABLE,
        InvalidUploadError: grpc.StatusCode.UNAVAILABLE,
        UnavailableError: grpc.StatusCode.UNAVAILABLE,
        DirectorError: grpc.StatusCode.UNAUTHENTICATED,
        Exception: grpc.StatusCode.UNAVAILABLE,
    }
)

UNDECODABLE = "the request cannot be decoded: it was damaged on its way, or is of another protocol"
_FAILED = "the Director failed to answer; its log says why"

# Details travel in a header of no more than 8 KiB, where all that is not printable ASCII takes
# three bytes for each of its own: a client's own over-long input must not come back to it there.
_MAX_DETAILS = 1_000
_MAX_DETAILS_BYTES = 4_000


def refusals_as_status(
    context: Context, codes: Codes = CODES
) -> AbstractAsyncContextManager[None, None]:
    """Answer what the block raises with a status code and a text for people, once."""
    return _Translation(context, codes)


class _Translation(AbstractAsyncContextManager[None, None]):
    # A class, not a generator: this stands around almost every request.
    __slots__ = ("_codes", "_context")

    def __init__(self, context: Context, codes: Codes) -> None:
        self._context = context
        self._codes = codes

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Cancellation is no refusal, and what gRPC raises is for gRPC to answer.
        if not isinstance(error, Exception) or isinstance(error, grpc.aio.BaseError):
            return
        code = code_of(error, self._codes)
        details = _details(error)
        if details is _FAILED:
            _log.error("a request of %s failed: a bug", self._context.peer(), exc_info=error)
        else:
            _log.info("refused %s: %s: %s", self._context.peer(), code.name, details)
        await self._context.abort(code, details)


def code_of(error: Exception, codes: Codes) -> grpc.StatusCode:
    """Return the code of the nearest base class that has one."""
    return next(codes[kind] for kind in type(error).__mro__ if kind in codes)


def _details(error: Exception) -> str:
    if isinstance(error, DecodeError):
        return UNDECODABLE
    if not isinstance(error, DirectorError):
        return _FAILED
    return _cut(str(error))


def _cut(text: str) -> str:
    size_bytes = 0
    for at, character in enumerate(text):
        is_plain = " " <= character <= "~" and character != "%"
        size_bytes += 1 if is_plain else 3 * len(character.encode(errors="replace"))
        if at == _MAX_DETAILS or size_bytes > _MAX_DETAILS_BYTES:
            return f"{text[:at]}…"
    return text
