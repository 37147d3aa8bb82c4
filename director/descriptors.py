"""How many connections and files a process may have open; for whoever owns the process."""

import logging
import resource
from contextlib import suppress

_log = logging.getLogger(__name__)

_MOST = 2**20
"""Linux itself allows a process no more, where nobody has told it otherwise."""


def raise_limit() -> None:
    """Let this process open as many as the system lets it, and say how many that is.

    The usual limit of 1,024 is one for programs that look at each of them in turn; every connection
    takes one, and once there are none left nobody else gets in.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # Where the system is not what it says, the limit stays.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    _log.info("up to %d connections and files may be open", soft)
