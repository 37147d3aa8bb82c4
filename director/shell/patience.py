"""Trying again what a full or failing disk has refused, less and less often."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from director.errors import UnavailableError
from director.shell.tasks import Tasks

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0

T = TypeVar("T")


async def soon(attempt: Callable[[], Awaitable[None]], *, what: str, work: Tasks) -> None:
    """Return once the attempt has succeeded, or else goes on in the background."""
    try:
        await attempt()
    except UnavailableError:
        work.spawn(patiently(attempt, what=what), name=what)


async def patiently(
    attempt: Callable[[], Awaitable[T]],
    *,
    what: str,
    about: type[UnavailableError] | tuple[type[UnavailableError], ...] = UnavailableError,
    refused: Callable[[UnavailableError], object] = lambda _: None,
) -> T:
    """Return what the attempt returns, once it is not told any more to try again later.

    `refused` is called whenever it is; other refusals than those it is patient about are raised.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return await attempt()
        except about as error:
            refused(error)
            _log.warning("%s: not stored yet, trying again in %g s: %s", what, pause_s, error)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
