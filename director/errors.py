"""One tree of refusals: what the Director will not do, and why.

A refusal leaves the state as it was.  Only the transport knows which status code each becomes.
No message names a path of the server or another user's experiment.
"""


class DirectorError(Exception):
    """A refusal; its text is written for the person who reads it at the other end."""


class InvalidRequestError(DirectorError):
    """What was asked makes no sense, whoever asks and whenever."""


class InvalidNameError(InvalidRequestError):
    """A name is empty, too long, path-like, or has characters that cannot be seen."""


class InvalidShardError(InvalidRequestError):
    """A shard's description lacks what identifies it."""


class InvalidUploadError(InvalidRequestError):
    """An upload was cut, corrupted, empty, or contradicts itself from one message to the next."""


class InvalidArchiveError(InvalidUploadError):
    """An uploaded archive cannot be read, or has no plan that can be run."""


class UnsupportedPlanError(InvalidArchiveError):
    """A plan asks for something that this Director does not do; the message names it."""


class NotFoundError(DirectorError):
    """What was asked about is not there, or not the caller's: the two are not told apart."""


class UnknownEnvoyError(NotFoundError):
    """No registration of this envoy is known; it has to register again."""

    def __init__(self, name: str) -> None:
        super().__init__(f"envoy {name!r} is not registered here: register its shard again")


class UnknownExperimentError(NotFoundError):
    """The caller has no such experiment."""

    def __init__(self, name: str) -> None:
        super().__init__(f"you have no experiment named {name!r}")


class DuplicateExperimentError(DirectorError):
    """The name is in use; it is never taken over."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the experiment name {name!r} is in use: choose another")


class ForbiddenError(DirectorError):
    """The caller's certificate names somebody else than the one it acts for."""

    def __init__(self, caller: str, name: str) -> None:
        super().__init__(f"your certificate names {caller!r}: you cannot act as {name!r}")


class UnauthenticatedError(DirectorError):
    """The caller could not be identified, or has no part in what it asks for."""


class LimitExceededError(DirectorError):
    """A limit of this Director was reached; the message tells which, and what it is."""


class UnavailableError(DirectorError):
    """Not now, but the same request may succeed later."""


class PortUnavailableError(UnavailableError):
    """A port that a plan fixes cannot be listened on."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"the plan's port {port} cannot be listened on: it is in use, or forbidden"
        )
