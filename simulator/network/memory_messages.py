"""Messages to bytes and back, and what may go along with them, as grpc.aio has it."""

import logging
import re
from collections.abc import Callable
from typing import Any

from simulator.network.memory_ends import Metadata

_log = logging.getLogger(__name__)

_LEGAL_KEY = re.compile(r"[0-9a-z_.-]+")
_LEGAL_VALUE = re.compile(r"[\x20-\x7e]*")


def written(serialiser: Callable[[Any], bytes] | None, message: Any) -> bytes:
    """Return a message's bytes; without a serialiser it is bytes, or None for none."""
    if serialiser is not None:
        return serialiser(message)
    return b"" if message is None else message


def read(deserialiser: Callable[[bytes], Any] | None, message: bytes) -> Any:
    """Return what the bytes say."""
    return message if deserialiser is None else deserialiser(message)


def written_by_client(serialiser: Callable[[Any], bytes] | None, request: Any) -> bytes:
    """Return a request's bytes: none where it cannot be serialised, which is only logged."""
    try:
        return written(serialiser, request)
    except Exception:  # noqa: BLE001 - whatever a serialiser raises
        _log.exception("a request could not be serialised")
        return b""


def read_by_client(deserialiser: Callable[[bytes], Any] | None, raw: bytes) -> Any:
    """Return what a response says: None where it is unintelligible, which is only logged."""
    try:
        return read(deserialiser, raw)
    except Exception:  # noqa: BLE001 - whatever a deserialiser raises
        _log.exception("a response could not be read")
        return None


def is_legal(metadata: Metadata) -> bool:
    """Whether gRPC would send it."""
    return all(
        _LEGAL_KEY.fullmatch(key) is not None
        and (
            isinstance(value, bytes)
            if key.endswith("-bin")
            else isinstance(value, str) and _LEGAL_VALUE.fullmatch(value) is not None
        )
        for key, value in metadata
    )
