"""What can go wrong with what is stored: as refusals of requests, and as reasons not to start."""

import errno

from director.errors import DirectorError, LimitExceededError, UnavailableError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class MissingBlobError(UnavailableError):
    """A blob was asked for that is not there."""

    def __init__(self) -> None:
        super().__init__("a stored file is missing")


class DamagedBlobError(UnavailableError):
    """A blob is not what was stored: its disk has changed it."""

    def __init__(self) -> None:
        super().__init__("a stored file is damaged, and is not handed out")


class NoRoomError(LimitExceededError, UnavailableError):
    """The disk is full: nothing was kept, and the same request may succeed later."""

    def __init__(self) -> None:
        super().__init__("the Director has no room left to store this: try again later")


class DiskFailedError(UnavailableError):
    """The disk refuses, or fails."""

    def __init__(self) -> None:
        super().__init__("the Director cannot store this or read it at the moment: its disk fails")


def refusal_of(error: OSError) -> DirectorError:
    """Return what to tell of an error of the disk; its path is nobody's business."""
    return NoRoomError() if error.errno in _FULL else DiskFailedError()


class StateError(Exception):
    """What is stored cannot be used; the message says what is wrong, where, and what to do."""


class LockedStateError(StateError):
    """Another Director uses it."""


class DamagedStateError(StateError):
    """It is not what was written."""


class NewerStateError(StateError):
    """A later version of the Director wrote it."""
