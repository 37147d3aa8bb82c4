"""Until when certificates are valid: told before it is too late, and every day once it is.

A Director serves on with one that has expired; it is its clients that refuse it, or are refused.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from director.clock import Clock, SystemClock
from director.shell.tasks import Tasks

_log = logging.getLogger(__name__)

_DAY_S = 24 * 60 * 60
_SOON = timedelta(days=14)


class Validity(NamedTuple):
    """From when until when a file's certificates are of use."""

    begin: datetime
    end: datetime


def tell(files: Iterable[tuple[str, Path]], *, clock: Clock | None = None) -> None:
    """Log which of the certificates are not valid, or will soon not be; given with their roles."""
    moment = datetime.fromtimestamp((clock or SystemClock()).now(), UTC)
    for role, path in files:
        try:
            validity = _validity(role, path)
        except (OSError, ValueError):
            continue  # in the middle of a renewal; whoever wants to use it tells what is wrong
        if validity is not None:
            _tell(f"{role} {path}", validity, moment)


def _tell(what: str, validity: Validity, moment: datetime) -> None:
    begin, end = validity
    if end <= moment:
        _log.error("%s has expired on %s: no client gets in until it is renewed", what, _day(end))
    elif begin > moment:
        _log.error("%s is not valid before %s: no client gets in until then", what, _day(begin))
    elif end - moment < _SOON:
        _log.warning("%s expires on %s, in %d days", what, _day(end), (end - moment).days)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _validity(role: str, path: Path) -> Validity | None:
    if role == "private_key":
        return None
    # Seven megabytes, which a Director in plaintext does without.
    from cryptography import x509  # noqa: PLC0415

    found = [
        Validity(one.not_valid_before_utc, one.not_valid_after_utc)
        for one in x509.load_pem_x509_certificates(path.read_bytes())
    ]
    if role == "root_certificate":
        # Any of the authorities may vouch for a client.
        return max(found, key=lambda one: one.end)
    # Every link of the chain has to hold.
    return Validity(max(one.begin for one in found), min(one.end for one in found))


@asynccontextmanager
async def watched(
    files: Iterable[tuple[str, Path]], *, clock: Clock | None = None
) -> AsyncIterator[None]:
    """Tell at once, and then once a day for as long as the block runs."""
    looked_at = tuple(files)

    async def watch() -> None:
        while True:
            tell(looked_at, clock=clock)
            await asyncio.sleep(_DAY_S)

    tasks = Tasks()
    tasks.spawn(watch(), name="watch how long certificates are valid")
    try:
        yield
    finally:
        await tasks.cancel()
